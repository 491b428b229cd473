"""``traindiag rules``: the catalogue of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traindiag.cli.options import ColorOption, ListFormat, ListFormatOption
from traindiag.cli.terminal import Color

if TYPE_CHECKING:
    from traindiag.rules.base import Rule

EXAMPLES = """[bold]Examples[/bold]
$ traindiag rules
$ traindiag rules --format json | jq -r '.[].name'
"""


def rules(format: ListFormatOption = ListFormat.TEXT, color: ColorOption = Color.AUTO) -> None:
    """List the rules: code, name, severity and what each says of a run."""
    from traindiag.rules.base import all_rules

    if format is ListFormat.JSON:
        _print_json(all_rules())
    else:
        _print_table(all_rules(), color)


def options_of(rule: type[Rule]) -> list[dict[str, Any]]:
    """A rule's options with type, default, help and source, for people and programs alike."""
    return [
        {
            "name": field.name,
            "type": field.type if isinstance(field.type, str) else getattr(field.type, "__name__", ""),
            "default": field.default,
            "help": field.metadata.get("help", ""),
            "source": field.metadata.get("source", ""),
        }
        for field in rule.options()
    ]


def _print_json(found: tuple[type[Rule], ...]) -> None:
    import json

    from traindiag.cli.output import write_result

    listed = [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": rule.severity.value,
            "status": rule.status,
            "needs": list(rule.needs),
            "min_epochs": rule.min_epochs,
            "summary": rule.summary(),
            "options": options_of(rule),
        }
        for rule in found
    ]
    write_result(json.dumps(listed, indent=2, default=str) + "\n", None)


def _print_table(found: tuple[type[Rule], ...], color: Color) -> None:
    from rich.text import Text

    from traindiag.cli.prose import Page

    page = Page(color)
    width = max(len(rule.name) for rule in found)
    indent = width + 18
    for rule in found:
        style = "green" if rule.status == "healthy" else STYLE[rule.severity.value]
        level = "healthy" if rule.status == "healthy" else rule.severity.value
        head = Text.assemble(
            (f"{rule.code}  ", "dim"), (rule.name.ljust(width + 2), "bold"), (level.ljust(9), style)
        )
        page.beside(head, rule.summary(), indent)
    page.line()
    page.line("traindiag explain RULE tells the whole of it.", "dim")


STYLE = {"error": "red", "warning": "yellow", "note": "cyan"}
