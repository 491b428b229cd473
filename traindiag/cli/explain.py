"""``traindiag explain``: the whole page of one rule."""

from __future__ import annotations

from typing import Annotated

import typer

from traindiag.cli.options import ColorOption
from traindiag.cli.terminal import Color

EXAMPLES = """[bold]Examples[/bold]
$ traindiag explain overfitting
$ traindiag explain TD201
"""


def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Name or code of a rule.")],
    color: ColorOption = Color.AUTO,
) -> None:
    """Say what a rule means, what it goes by, what helps, and when to ignore it."""
    from rich.text import Text

    from traindiag.cli.prose import Page
    from traindiag.cli.rules import options_of
    from traindiag.rules.base import find_rule

    found = find_rule(rule)
    page = Page(color)
    page.line(
        Text.assemble((found.name, "bold"), (f"  {found.code}, {found.severity}, {found.status}", "dim"))
    )
    page.line()
    page.prose(found.page())
    if options := options_of(found):
        page.line()
        page.line("Options", "bold underline")
    for option in options:
        head = Text.assemble((option["name"], "cyan"), f" = {option['default']!r}")
        page.line(head)
        page.wrapped(f"{option['help']}", indent=4)
        if option["source"]:
            page.wrapped(f"From: {option['source']}", indent=4, style="dim")
