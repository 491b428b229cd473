"""Delimited tables of numbers: how one is laid out, and its columns.

The layout (separator, decimal sign, header line) is inferred from the beginning of the file. Regular large
files go through pandas' C parser; small and irregular ones through a line-by-line path that keeps what is
whole, counts what is not, and tells a blank cell ("no value logged") from a NaN ("the value was not a number").
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from traindiag.model.run import Damage
from traindiag.readers.base import HEAD_BYTES, LogFile, digest_of
from traindiag.readers.parsing.text import decode, decode_head, split_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_HEADER_WITHIN = 12
"""The header is looked for in this many first lines that are not blank: title lines may stand above it."""
_SAMPLE_ROWS = 10
_SNIFFED_LINES = 60
LARGE = 1 << 18
"""From this many bytes on pandas' start-up cost pays off."""
_MISSING_CELLS = frozenset(("", "na", "n/a", "#na#", "#n/a", "none", "null", "<na>", "-", "--"))
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?$")
_SWAPPED = str.maketrans(",.", ".,")
_GROUPED = re.compile(r"\s*[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?\s*")
_NUMBER_BYTES = b"0123456789.,+-eE\r\n"
_SAMPLE_BYTES = 512
_SURE_DIGITS = 15
_FEW_ROWS = 3
MAX_DAMAGE_ENTRIES = 20
"""Damaged places listed one by one; the rest is summed up in one more entry."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        value: float64, shape (rows,).
        known: bool, shape (rows,): False where the cell was blank; None when no cell was.
    """

    value: NDArray[np.float64]
    known: NDArray[np.bool_] | None = None

    def rows(self) -> NDArray[np.bool_] | slice:
        """Selects the rows that hold a value."""
        return slice(None) if self.known is None else self.known

    def any(self) -> bool:
        """Whether any cell holds a value."""
        return len(self.value) > 0 if self.known is None else bool(self.known.any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The numeric columns of a table.

    Attributes:
        columns: by name, in file order; only those with at least one number.
        rows: number of data rows kept.
        digest: of the bytes.
        damage: rows and cells lost.
        details: what was inferred about the layout.
    """

    columns: Mapping[str, Column]
    rows: int
    digest: str
    damage: tuple[Damage, ...]
    details: Mapping[str, str] = field(default_factory=dict)


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
        sample = lines[at + 1 : at + 1 + _SAMPLE_ROWS]
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
    if not _could_be_names(names):
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


def _could_be_names(names: Sequence[str]) -> bool:
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
        elif (bare := cell.strip()).lower() not in _MISSING_CELLS and bare != name:
            filled += 1
    if not filled:
        return "blank"
    return "number" if numbers * 2 >= filled else "word"


def split_cells(line: str, separator: str) -> list[str]:
    """The cells of one line, quotes taken off."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return line.split(separator)


def parse_number(cell: str) -> float | None:
    """The number in a cell; None where it is not one. ``nan`` and ``inf`` are numbers."""
    try:
        # float() takes "1_000", which no log means.
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def number_of(cell: str, decimal: str) -> float | None:
    """The number in a cell whose decimal sign is known: thousands may be set apart, and percent stay percent."""
    number = parse_number(cell.replace(",", ".") if decimal == "," else cell)
    if number is None and cell.rstrip().endswith("%"):
        return number_of(cell.rstrip()[:-1], decimal)
    if number is None and "," in cell:
        grouped = cell.translate(_SWAPPED) if decimal == "," else cell
        number = parse_number(grouped.replace(",", "")) if _GROUPED.fullmatch(grouped) else None
    return number


def filled_lines(text: str, layout: Layout) -> Iterator[tuple[int, str]]:
    """The lines below the header that are not blank, each with its number."""
    filled = ((number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip())
    return islice(filled, layout.header + 1, None)


def read_table(file: LogFile, layout: Layout, *, short_rows: bool = False) -> Table:
    """All numeric columns of a file.

    Args:
        file: the file.
        layout: as `sniff` found it.
        short_rows: whether rows may end early (fastai's do); otherwise such a row is damage.

    Raises:
        UnreadableError: the file cannot be read.
    """
    details = layout_details(layout)
    if file.size >= LARGE:
        from traindiag.readers.parsing.large_tables import read_regular

        regular = read_regular(file, layout)
        if regular is not None:
            columns, digest = regular
            rows = max((len(column.value) for column in columns.values()), default=0)
            return Table(columns=columns, rows=rows, digest=digest, damage=(), details=details)
    data = file.read_bytes()
    lines = _Lines(file.shown, layout, short_rows=short_rows)
    columns = lines.columns(decode(data)[0])
    details.update(lines.details)
    return Table(
        columns=columns, rows=lines.rows, digest=digest_of(data), damage=lines.damage(), details=details
    )


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


class _Lines:
    """The line-by-line path over one file, and what it noticed on the way."""

    def __init__(self, shown: str, layout: Layout, *, short_rows: bool) -> None:
        self.shown = shown
        self.layout = layout
        self.short_rows = short_rows
        self.rows = 0
        self.details: dict[str, str] = {}
        self._lost: list[tuple[int, str, int]] = []

    def columns(self, text: str) -> dict[str, Column]:
        """Every numeric column by name."""
        raw = split_lines(text)
        separator, width = self.layout.separator, len(self.layout.names)
        filled = (number for number, line in enumerate(raw, start=1) if line and not line.isspace())
        header = next(islice(filled, self.layout.header, None), len(raw))
        body = [
            (number, line)
            for number, line in enumerate(raw[header:], start=header + 1)
            # Of tabs alone is a row of blank cells, too.
            if line and (not line.isspace() or line.count(separator) == width - 1 > 0)
        ]
        if body and raw[-1]:
            body = self._without_cut_end(body)
        lines = [line for _, line in body]
        if '"' not in text and all(line.count(separator) == width - 1 for line in lines):
            columns = self._regular(separator.join(lines).split(separator) if lines else [])
            if columns is not None:
                self.rows = len(lines)
                return columns
        return self._irregular(
            [number for number, _ in body], [split_cells(line, separator) for line in lines]
        )

    def _regular(self, cells: list[str]) -> dict[str, Column] | None:
        """Cells of rows of one width in which numbers stay numbers; None where a column turns out mixed."""
        columns: dict[str, Column] = {}
        for index, (name, kind) in enumerate(zip(self.layout.names, self.layout.kinds, strict=True)):
            column = cells[index :: len(self.layout.names)]
            if kind == "word" or (kind == "blank" and not _late_number(column)):
                if any(cell.strip() == self._as_logged(name) for cell in column):
                    return None
                continue
            parsed = self._parse(column)
            if parsed is None:
                return None
            columns[name] = parsed
        return columns

    def _parse(self, cells: list[str]) -> Column | None:
        plain = [cell.replace(",", ".") for cell in cells] if self.layout.decimal == "," else cells
        try:
            return Column(value=np.array(list(map(float, plain)), dtype=np.float64))
        except ValueError:
            pass
        value = np.full(len(cells), np.nan)
        known = np.ones(len(cells), dtype=bool)
        for row, cell in enumerate(cells):
            number = number_of(cell, self.layout.decimal)
            if number is not None:
                value[row] = number
            elif cell.strip().lower() in _MISSING_CELLS:
                known[row] = False
            else:
                return None
        return Column(value=value, known=known)

    def _irregular(self, numbers: list[int], cells: list[list[str]]) -> dict[str, Column]:
        """Header lines in between, rows of another width, cells that are no numbers."""
        names = list(self.layout.names)
        kept: dict[str, dict[int, float]] = {name: {} for name in names}
        kinds = dict(zip(names, self.layout.kinds, strict=True))
        headers = 0
        for number, row in zip(numbers, cells, strict=True):
            while len(row) > len(names) and not row[-1].strip():
                row.pop()
            if self._is_header(row, names):
                headers += 1
                names = [self._renamed(cell.strip()) for cell in row]
                for name in names:
                    kept.setdefault(name, {})
                continue
            if len(row) != len(names) and not (self.short_rows and len(row) < len(names)):
                short = len(row) < len(names)
                self._lose(number, f"{len(row)} cells instead of {len(names)}" if short else "too many cells")
                continue
            for name, cell in zip(names, row, strict=False):
                value = number_of(cell, self.layout.decimal)
                if value is not None:
                    kept[name][self.rows] = value
                elif kinds.get(name) == "word" or cell.strip().lower() in _MISSING_CELLS:
                    continue
                # In a row that ends early the last cell may belong to a later column: fastai's time.
                elif len(row) == len(names):
                    self._lose(number, f"{name} is no number")
            self.rows += 1
        if headers:
            self.details["headers"] = f"{headers} repeated header line{'s' * (headers > 1)}"
        return {name: _column(values, self.rows) for name, values in kept.items() if values}

    def _is_header(self, row: Sequence[str], names: Sequence[str]) -> bool:
        stripped = [cell.strip() for cell in row]
        return stripped == [self._as_logged(name) for name in names] or (
            len(stripped) > 1
            and _could_be_names(stripped)
            and not any(cell.lower() in _MISSING_CELLS for cell in stripped[1:])
            and len(set(stripped) & set(names)) * 2 >= len(stripped)
        )

    def _without_cut_end(self, body: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """The last line has no line end: left out unless its last cell is as long as such cells get."""
        number, line = body[-1]
        separator = self.layout.separator
        cells = split_cells(line, separator)
        before = [split_cells(row, separator)[-1] for _, row in body[-_SAMPLE_ROWS - 1 : -1]]
        digits = sum(character.isdigit() for character in cells[-1])
        usual = max(map(len, before)) if len(before) >= _FEW_ROWS else _SURE_DIGITS
        whole = len(cells) == len(self.layout.names) and (
            digits >= _SURE_DIGITS or len(cells[-1].strip()) >= usual
        )
        if whole:
            return body
        self._lose(number, "the last line is cut off")
        return body[:-1]

    def _as_logged(self, name: str) -> str:
        layout = self.layout
        return layout.logged[layout.names.index(name)] if layout.logged and name in layout.names else name

    def _renamed(self, name: str) -> str:
        layout = self.layout
        return layout.names[layout.logged.index(name)] if name in layout.logged else name

    def _lose(self, line: int, what: str) -> None:
        self._lost.append((line, what, 1))

    def damage(self) -> tuple[Damage, ...]:
        """Every place where something was lost, the first `MAX_DAMAGE_ENTRIES` one by one."""
        listed = [
            Damage(path=self.shown, place=f"line {line}", what=what, records=records, size=0)
            for line, what, records in self._lost[:MAX_DAMAGE_ENTRIES]
        ]
        rest = self._lost[MAX_DAMAGE_ENTRIES:]
        if rest:
            common = Counter(what for _, what, _ in rest).most_common(1)[0][0]
            listed.append(
                Damage(
                    path=self.shown,
                    place=f"line {rest[0][0]} and later",
                    what=f"{len(rest)} more, mostly: {common}",
                    records=len(rest),
                    size=0,
                )
            )
        return tuple(listed)


def _late_number(column: Sequence[str]) -> bool:
    """Whether a column that was blank in the sample has numbers further down."""
    filled = (cell for cell in column if cell.strip().lower() not in _MISSING_CELLS)
    first = next(filled, None)
    return first is not None and parse_number(first) is not None


def _column(values: Mapping[int, float], rows: int) -> Column:
    value = np.full(rows, np.nan)
    at = np.fromiter(values.keys(), dtype=np.int64, count=len(values))
    value[at] = np.fromiter(values.values(), dtype=np.float64, count=len(values))
    if len(values) == rows:
        return Column(value=value)
    known = np.zeros(rows, dtype=bool)
    known[at] = True
    return Column(value=value, known=known)


def iter_names(layout: Layout) -> Iterator[str]:
    """Names of the numeric columns."""
    return (name for name, kind in zip(layout.names, layout.kinds, strict=True) if kind == "number")
