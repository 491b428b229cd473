"""How a table is laid out: separator, decimal sign and header line, inferred from the beginning of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, NamedTuple

from traindiag.readers.base import HEAD_BYTES, LogFile
from traindiag.readers.parsing.cells import MISSING_CELLS, number_of, parse_number, split_cells
from traindiag.readers.parsing.text import decode, decode_head, split_lines

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_HEADER_WITHIN = 12
"""The header is looked for in this many first lines that are not blank: title lines may stand above it."""
SAMPLE_ROWS = 10
_SNIFFED_LINES = 60
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?$")
_NUMBER_BYTES = b"0123456789.,+-eE\r\n"
_SAMPLE_BYTES = 512
Kind = Literal["number", "word", "blank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table is written.

    Attributes:
        encoding: of the text.
        separator: between cells.
        decimal: ``.`` or ``,``.
        names: of the columns, blanks and quotes stripped.
        header: index of the header among the lines that are not blank.
        kinds: what the sampled cells of each column mostly hold.
        logged: names as they stand in the file when the user renamed some, else empty.
    """

    encoding: str
    separator: str
    decimal: str
    names: tuple[str, ...]
    header: int
    kinds: tuple[Kind, ...]
    logged: tuple[str, ...] = ()

    @property
    def of_numbers(self) -> bool:
        """Whether the header is the first line and every column one of numbers."""
        return self.header == 0 and set(self.kinds) == {"number"}


class Plain(NamedTuple):
    """A small whole table of commas that begins like one of nothing but numbers below its header.

    Attributes:
        header: the first line with its end.
        rows: how many lines stand below it.
    """

    header: bytes
    rows: int


def layout_of(file: LogFile) -> Layout | None:
    """The layout of the table a file begins with, its columns called as the user says; None where it is none."""
    if "layout" not in file.memo:
        layout = sniff(file.head)
        if layout is not None and file.names:
            wanted = {name.strip().lower(): meaning for name, meaning in file.names.items()}
            names = tuple(wanted.get(name.lower(), name) for name in layout.names)
            layout = replace(layout, names=names, logged=layout.names)
        file.memo["layout"] = layout
    found: Layout | None = file.memo["layout"]
    return found


def take_layout(file: LogFile, layout: Layout) -> None:
    """Spare `layout_of` the work: the file is laid out like another one."""
    file.memo["layout"] = file.memo["taken"] = layout


def retake_layout(file: LogFile) -> None:
    """Let `layout_of` look for itself, should the file have been taken for one laid out like another."""
    if file.memo.pop("taken", None):
        del file.memo["layout"]


def plain_of(file: LogFile) -> Plain | None:
    """The header and the number of rows of a plain small table; None where a closer look is needed.

    Only the beginning is looked at: that all of it is numbers is for the parser to find (see `joined`).
    """
    if "plain" not in file.memo:
        file.memo["plain"] = _plain(file.head)
    found: Plain | None = file.memo["plain"]
    return found


def _plain(data: bytes) -> Plain | None:
    if len(data) >= HEAD_BYTES or not data.endswith(b"\n"):
        return None
    begin = data.index(b"\n") + 1
    rows = data.count(b"\n") - 1
    if not rows or data[begin : begin + _SAMPLE_BYTES].translate(None, _NUMBER_BYTES):
        return None
    header = data[:begin]
    return Plain(header, rows) if b"," in header else None


def sniff(head: bytes) -> Layout | None:
    """The layout of the table a file begins with; None where it does not begin with one.

    Args:
        head: the first `HEAD_BYTES` bytes of the file, or all of a shorter one.
    """
    text = decode_head(head)
    if text is None:
        return None
    lines = text.split("\n", _SNIFFED_LINES) if "\r" not in text else split_lines(text)
    if len(head) >= HEAD_BYTES or len(lines) > _SNIFFED_LINES:
        del lines[-1:]
    lines = [line for line in lines[:_SNIFFED_LINES] if line and not line.isspace()]
    best = None
    for at, line in enumerate(lines[:_HEADER_WITHIN]):
        sample = lines[at + 1 : at + 1 + SAMPLE_ROWS]
        for separator in [each for each in _SEPARATORS if each in line] or _SEPARATORS[:1]:
            layout = _layout_if_header(line, separator, sample)
            if layout is not None and (best is None or len(layout.names) > len(best.names)):
                best = replace(layout, header=at, encoding=decode(head)[1])
        if best is not None:
            return best
    return None


def _layout_if_header(line: str, separator: str, sample: Sequence[str]) -> Layout | None:
    names = tuple(cell.strip() for cell in split_cells(line, separator))
    if len(names) > 1 and names[-1] == "":
        names = names[:-1]
    if not could_be_names(names):
        return None
    width = len(names)
    rows = [split_cells(row, separator) for row in sample]
    full = [row for row in rows if len(row) == width or (len(row) == width + 1 and not row[-1].strip())]
    if len(full) * 3 < len(rows):
        return None
    comma = separator != "," and any("," in row for row in sample)
    decimal = (
        "," if comma and any(map(_DECIMAL_COMMA.match, (c.strip() for row in full for c in row))) else "."
    )
    kinds = tuple(_kind_of([row[i] for row in full], decimal, name) for i, name in enumerate(names))
    if rows and "number" not in kinds:
        return None
    return Layout(encoding="", separator=separator, decimal=decimal, names=names, header=0, kinds=kinds)


def could_be_names(names: Sequence[str]) -> bool:
    """Names are no numbers, mostly not blank (an index column is), short, and each stands once."""
    filled = [name for name in names if name]
    return (
        len(filled) >= max(1, len(names) - 1)
        and len(set(filled)) == len(filled)
        and all(len(name) <= 120 and parse_number(name) is None for name in filled)
    )


def _kind_of(cells: Sequence[str], decimal: str, name: str) -> Kind:
    filled = numbers = 0
    for cell in cells:
        if number_of(cell, decimal) is not None:
            filled += 1
            numbers += 1
        elif (bare := cell.strip()).lower() not in MISSING_CELLS and bare != name:
            filled += 1
    if not filled:
        return "blank"
    return "number" if numbers * 2 >= filled else "word"


def layout_details(layout: Layout) -> dict[str, str]:
    """What was inferred, in words."""
    details: dict[str, str] = {}
    renamed = [f"{old} is {new}" for old, new in zip(layout.logged, layout.names, strict=False) if old != new]
    if renamed:
        details["columns renamed"] = ", ".join(renamed)
    if layout.separator != ",":
        details["separator"] = _SEPARATOR_NAMES[layout.separator]
    if layout.decimal == ",":
        details["decimal sign"] = "comma"
    if layout.header:
        details["header"] = f"{layout.header} line{'s' * (layout.header > 1)} above it passed over"
    if layout.encoding not in ("utf-8", "utf-8-sig"):
        details["encoding"] = layout.encoding
    return details


def filled_lines(text: str, layout: Layout) -> Iterator[tuple[int, str]]:
    """The lines below the header that are not blank, each with its number."""
    filled = ((number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip())
    return islice(filled, layout.header + 1, None)


def iter_names(layout: Layout) -> Iterator[str]:
    """Names of the numeric columns."""
    return (name for name, kind in zip(layout.names, layout.kinds, strict=True) if kind == "number")
