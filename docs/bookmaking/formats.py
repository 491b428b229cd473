"""The page of output formats, from the docstrings of the renderers."""

from __future__ import annotations

import inspect

from bookmaking.pages import Shelf, page, prose, table
from traindiag.reports.base import all_renderers
from traindiag.reports.comparisons.base import FORMATS
from traindiag.reports.formats import Format

INTRODUCTION = """# Formats

What `--format` takes. `-o FILE` chooses by the suffix of the file. The same logs give the same bytes in every format,
on every machine.

## Of analyze and check
"""
COMPARISONS = """## Of compare

The same names, where a comparison has a use for them.
"""


def write(shelf: Shelf) -> None:
    """Both kinds of reports: a table of suffixes each, and a section a format of runs."""
    known, comparing = all_renderers(), FORMATS.all()
    sections = [_section(renderer) for renderer in known.values()]
    rows = [[f"`{name}`", _suffixes(each), prose(_docstring(each), 3)] for name, each in comparing.items()]
    shelf.put(
        "reference/formats.md",
        page(
            INTRODUCTION,
            table(
                ["format", "chosen by `-o` for"],
                [[f"[{name}](#{name})", _suffixes(each)] for name, each in known.items()],
            ),
            *sections,
            COMPARISONS,
            table(["format", "chosen by `-o` for", "what it is"], rows),
            "Field by field: [the comparison as JSON](comparison.md).",
        ),
    )


def _suffixes(format: type[Format]) -> str:
    return " ".join(f"`{end}`" for end in format.suffixes)


def _docstring(format: type[Format]) -> str:
    return inspect.cleandoc(format.__doc__ or "")


def _section(format: type[Format]) -> str:
    more = "Field by field: [the report as JSON](report.md)." if format.name in ("json", "jsonl") else ""
    return page(f"### {format.name}", prose(_docstring(format), 4), more)
