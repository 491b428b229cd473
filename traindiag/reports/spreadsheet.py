"""Tables as CSV that no spreadsheet takes for a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from traindiag.reports.numbers import json_number
from traindiag.reports.sanitise import sanitise

_FORMULA = ("=", "+", "-", "@")


class Number(str):
    """A number written as text, such as ``-Infinity``, that must stay as it is."""

    __slots__ = ()


def number(value: float) -> float | Number:
    """A number for a cell; NaN and the infinities by name."""
    found = json_number(value)
    return Number(found) if isinstance(found, str) else float(found)


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and the rows. Text that a spreadsheet would take for a formula gets an apostrophe (CWE-1236)."""
    page = StringIO()
    writer = csv.DictWriter(page, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return page.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str) or isinstance(value, Number):
        return value
    safe = sanitise(value)
    return "'" + safe if safe.startswith(_FORMULA) else safe
