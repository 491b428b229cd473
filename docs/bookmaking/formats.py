"""The page of output formats, from the docstrings of the renderers."""

from __future__ import annotations

import inspect

from bookmaking.pages import Shelf, page, prose, table
from traindiag.reports.base import Renderer, all_renderers

INTRODUCTION = """# Formats

What `--format` of `traindiag analyze` and `traindiag check` takes. `-o FILE` chooses by the suffix of the file. The
same logs give the same bytes in every format, on every machine.
"""


def write(shelf: Shelf) -> None:
    """A table of suffixes, and a section a format."""
    known = all_renderers()
    rows = [[f"[{name}](#{name})", " ".join(f"`{end}`" for end in known[name].suffixes)] for name in known]
    sections = [_section(renderer) for renderer in known.values()]
    shelf.put(
        "reference/formats.md", page(INTRODUCTION, table(["format", "chosen by `-o` for"], rows), *sections)
    )


def _section(renderer: type[Renderer]) -> str:
    more = "Field by field: [the report as JSON](report.md)." if renderer.name in ("json", "jsonl") else ""
    return page(f"## {renderer.name}", prose(inspect.cleandoc(renderer.__doc__ or ""), 3), more)
