"""What a comparison looks like: the groups over each other, and the interval of each difference."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from traindiag.comparison.bands import Band, band_of
from traindiag.comparison.shapes import Comparison, Contrast
from traindiag.reports.charts import Area, Chart, Line, axes_for
from traindiag.reports.numbers import short

MOST_GROUPS = 8
"""As many as there are colours that eyes tell apart."""
POINTS = 240
WIDTH, HEIGHT, EDGE = 220, 24, 8


def color_of(place: int) -> str:
    """The class that gives a group its colour; empty for those that are not drawn."""
    return f"g{place + 1}" if place < MOST_GROUPS else ""


def groups_chart(comparison: Comparison) -> Chart:
    """Medians of the groups, shaded from the lowest to the highest run; of very many groups, the first."""
    bands = [band_of(each.name, each.curves, POINTS) for each in comparison.groups[:MOST_GROUPS]]
    drawn = [(color_of(place), band) for place, band in enumerate(bands) if len(band.epoch)]
    target = comparison.target if math.isfinite(comparison.target) else None
    values = [part for _, band in drawn for part in (band.low, band.high)]
    can_log, _ = axes_for(comparison.metric, values)
    can_log = can_log and (target is None or target > 0)
    return Chart(
        title=comparison.metric,
        axis=comparison.axis,
        lines=tuple(_line(kind, band) for kind, band in drawn),
        areas=tuple(_area(kind, band) for kind, band in drawn if band.runs > 1),
        target=target,
        can_log=can_log,
        # Groups differ most where their losses are small.
        log=can_log,
    )


def _line(kind: str, band: Band) -> Line:
    return Line(name=band.name, kind=f"group {kind}", epoch=_whole(band.epoch), value=band.middle)


def _area(kind: str, band: Band) -> Area:
    return Area(kind=kind, epoch=_whole(band.epoch), low=band.low, high=band.high)


def _whole(epoch: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.round(epoch).astype(np.int64)


def reach(comparison: Comparison) -> float:
    """The difference that all intervals of a comparison fit into, to either side of none."""
    ends = [abs(end) for each in comparison.contrasts for end in each.interval if math.isfinite(end)]
    return max([*ends, 2 * comparison.least]) or 1.0


def interval_svg(comparison: Comparison, contrast: Contrast, reach: float) -> Markup:
    """The interval of one difference as a bar around its dot; a dotted bar where it has no end."""
    if not math.isfinite(contrast.difference):
        return Markup("")
    low, high = (min(reach, max(-reach, each)) for each in contrast.interval)
    none, start, end, dot = (_across(each, reach) for each in (0.0, low, high, contrast.difference))
    few, many = (_across(each, reach) for each in (-comparison.least, comparison.least))
    endless = "" if math.isfinite(contrast.interval[0]) else " open"
    label = f"{short(contrast.difference, 3)}, between {' and '.join(short(e, 3) for e in contrast.interval)}"
    middle = HEIGHT / 2
    head = '<svg class="interval" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
    return Markup("").join(
        [
            Markup(head).format(WIDTH, HEIGHT, WIDTH, HEIGHT, label),
            Markup('<rect class="window" x="{}" y="2" width="{}" height="{}"/>').format(
                few, round(many - few, 1), HEIGHT - 4
            ),
            Markup('<path class="axis" d="M{},2V{}"/>').format(none, HEIGHT - 2),
            Markup('<path class="bar{}" d="M{},{:g}H{}"/>').format(endless, start, middle, end),
            Markup('<path class="dot" d="M{},{:g}l5,5l-5,5l-5,-5z"/>').format(dot, middle - 5),
            Markup("</svg>"),
        ]
    )


def _across(value: float, reach: float) -> float:
    return round(WIDTH / 2 + value / reach * (WIDTH / 2 - EDGE), 1)
