"""``traindiag readers``: which logs can be read and how each is recognised."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from traindiag.cli.options import ColorOption, ListFormat, ListFormatOption
from traindiag.cli.terminal import Color

if TYPE_CHECKING:
    from traindiag.readers.base import Reader

EXAMPLES = """[bold]Examples[/bold]
$ traindiag readers
$ traindiag analyze results.dat --reader keras-csv
"""


def readers(format: ListFormatOption = ListFormat.TEXT, color: ColorOption = Color.AUTO) -> None:
    """List the log formats: what each reader reads and how it recognises a file."""
    from traindiag.readers.base import all_readers

    known = sorted(all_readers(), key=lambda reader: (reader.precedence, reader.name))
    if format is ListFormat.JSON:
        _print_json(known)
    else:
        _print_pages(known, color)


def _page(reader: Reader) -> str:
    return inspect.cleandoc(type(reader).__doc__ or "")


def _print_json(known: list[Reader]) -> None:
    import json

    from traindiag.cli.output import write_result

    listed = [
        {"name": reader.name, "precedence": reader.precedence, "page": _page(reader)} for reader in known
    ]
    write_result(json.dumps(listed, indent=2) + "\n", None)


def _print_pages(known: list[Reader], color: Color) -> None:
    from traindiag.cli.prose import Page

    page = Page(color)
    for reader in known:
        page.line(reader.name, "bold")
        page.prose(_page(reader), indent=2)
        page.line()
    page.wrapped(
        "Files are told apart by their content first and their name second. Where several files in a folder "
        "hold the same run, the first of this list is read; --reader NAME decides otherwise.",
        style="dim",
    )
