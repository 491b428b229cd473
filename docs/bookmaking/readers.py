"""The page of readers: every log format, from the docstrings."""

from __future__ import annotations

import inspect

from bookmaking.pages import Shelf, page, prose
from traindiag.readers.base import all_readers

INTRODUCTION = """# Readers

The logs that traindiag reads. A file is recognised by its content first and by its name second; where several files of
a folder hold the same run, the first of this list is read and the others are named in the report. `--reader NAME`
decides otherwise, `--map A=B` says what a column means that cannot be guessed, and `traindiag readers` prints this
list.
[What to log](../what-to-log.md) tells which series let more rules judge.
"""


def write(shelf: Shelf) -> None:
    """One page; a section a reader, in the order in which they are preferred."""
    known = sorted(all_readers(), key=lambda reader: (reader.precedence, reader.name))
    sections = [
        page(f"## {reader.name}", prose(inspect.cleandoc(type(reader).__doc__ or ""), 3)) for reader in known
    ]
    shelf.put("reference/readers.md", page(INTRODUCTION, *sections))
