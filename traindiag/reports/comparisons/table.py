"""The table of a comparison, before any format lays it out: a row a group, the base first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from traindiag.comparison.shapes import Comparison, Spread
from traindiag.reports.numbers import short


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table of groups.

    Attributes:
        cells: one a group, the base first.
        values: what a cell is sorted by; NaN where there is nothing.
    """

    title: str
    cells: tuple[str, ...]
    values: tuple[float, ...]


def columns(comparison: Comparison) -> list[Column]:
    """The table of groups; no time where no log has any."""
    groups = comparison.groups
    title = f"best {comparison.metric}"

    def column(title: str, cells: Iterator[str], values: Iterator[float]) -> Column:
        return Column(title=title, cells=tuple(cells), values=tuple(values))

    found = [
        column("runs", (str(len(each.runs)) for each in groups), (float(len(each.runs)) for each in groups)),
        column(
            title if len(title) <= 20 else "best",
            (spread_text(each.best) for each in groups),
            (each.best.mean for each in groups),
        ),
        column("final", (short(each.final.mean) for each in groups), (each.final.mean for each in groups)),
        column("area", (short(each.area.mean) for each in groups), (each.area.mean for each in groups)),
        column(
            f"to {short(comparison.target)}",
            (_reached(each.epochs) for each in groups),
            (each.epochs.mean for each in groups),
        ),
    ]
    if any(each.seconds.values for each in groups):
        times = [each.seconds.mean for each in groups]
        found.append(column("time", (_time(each) for each in times), iter(times)))
    return found


def spread_text(spread: Spread) -> str:
    """``0.412 ± 0.006``: the mean and, of several runs, their deviation."""
    if math.isnan(spread.deviation):
        return short(spread.mean)
    deviation = spread.deviation
    small = f"{deviation:.2g}" if 1e-4 <= deviation < 1e-3 else short(deviation, 2)
    return f"{short(spread.mean)} ± {small}"


def _reached(epochs: Spread) -> str:
    if not epochs.values:
        return "never"
    of = f" ({len(epochs.values)}/{len(epochs.values) + epochs.missing})" if epochs.missing else ""
    return f"{epochs.mean:.0f}{of}"


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
