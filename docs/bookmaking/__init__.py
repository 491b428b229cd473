"""The parts of the book that the program knows best, written when the book is built.

Pages of rules, readers, formats, commands, the report's schema and the gallery come from docstrings, from the
command line and from the rules' own examples. They land in ``docs/rules`` and ``docs/reference``, which git ignores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bookmaking import (
    commands,
    formats,
    further,
    gallery,
    links,
    readers,
    rules,
    samples,
    schema,
    stand_in,
    terminal,
)
from bookmaking.pages import Shelf

WRITERS = (rules, readers, formats, commands, schema, samples, gallery)


def write_pages(docs: Path) -> list[Path]:
    """Write every generated page below `docs`, and give their paths; pages that did not change are not touched."""
    shelf = Shelf(docs)
    for writer in WRITERS:
        writer.write(shelf)
    shelf.clear()
    return shelf.written


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    stand_in.install()
    terminal.setup(app)
    links.setup(app)
    further.setup(app)
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir)))
    return {"parallel_read_safe": False, "parallel_write_safe": True}
