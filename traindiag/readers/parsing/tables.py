"""Delimited tables of numbers: their columns.

Regular large files go through pandas' C parser; small and irregular ones through a line-by-line path that keeps what is
whole, counts what is not, and tells a blank cell ("no value logged") from a NaN ("the value was not a number").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.run import Damage
from traindiag.readers.base import LogFile, digest_of
from traindiag.readers.parsing.cells import MISSING_CELLS, number_of, parse_number, split_cells
from traindiag.readers.parsing.layouts import SAMPLE_ROWS, Layout, could_be_names, layout_details
from traindiag.readers.parsing.text import decode, split_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE = 1 << 18
"""From this many bytes on pandas' start-up cost pays off."""
_SURE_DIGITS = 15
_FEW_ROWS = 3
MAX_DAMAGE_ENTRIES = 20
"""Damaged places listed one by one; the rest is summed up in one more entry."""


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
            elif cell.strip().lower() in MISSING_CELLS:
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
                elif kinds.get(name) == "word" or cell.strip().lower() in MISSING_CELLS:
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
            and could_be_names(stripped)
            and not any(cell.lower() in MISSING_CELLS for cell in stripped[1:])
            and len(set(stripped) & set(names)) * 2 >= len(stripped)
        )

    def _without_cut_end(self, body: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """The last line has no line end: left out unless its last cell is as long as such cells get."""
        number, line = body[-1]
        separator = self.layout.separator
        cells = split_cells(line, separator)
        before = [split_cells(row, separator)[-1] for _, row in body[-SAMPLE_ROWS - 1 : -1]]
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
    filled = (cell for cell in column if cell.strip().lower() not in MISSING_CELLS)
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
