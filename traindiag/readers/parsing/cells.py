"""The cells of a line of a table, and the numbers in them."""

from __future__ import annotations

import csv
import re

MISSING_CELLS = frozenset(("", "na", "n/a", "#na#", "#n/a", "none", "null", "<na>", "-", "--", "no log"))
_SWAPPED = str.maketrans(",.", ".,")
_GROUPED = re.compile(r"\s*[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?\s*")


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
