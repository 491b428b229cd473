"""Which way a curve is going at its end."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.shape import Shape
from traindiag.analysis.slope import slope_with_error
from traindiag.model.trend import Direction, Trend

WINDOW = 0.3
"""Share of the run at its end in which the direction is judged; at least `MIN_WINDOW` points."""
MIN_WINDOW = 5
FALLING = 0.02
"""A fall over the window counts from this fraction of the curve's own range."""
LEVEL_FALL = 0.1
"""Or, of a positive curve, from this fraction of its level, half of it in the last half of the window, as long as that
is a tenth of `FALLING`: against a start of 400 a fall from 9 to 7 would be nothing."""
RISING = 0.05
"""A rise over the window counts from this fraction of the curve's own range."""
SLOPE_Z = 3.0
"""The slope must lie this many standard errors from zero."""


def window_start(shape: Shape) -> int:
    """Index of the first point of the judged window."""
    return max(len(shape) - max(MIN_WINDOW, int(np.ceil(WINDOW * len(shape)))), 0)


def trend_of(shape: Shape, best_epoch: int, best: float) -> Trend:
    """The trend of a curve over the end of the run.

    Args:
        shape: the curve's landmarks.
        best_epoch, best: epoch and logged value of the best point, for the report.
    """
    first = window_start(shape)
    value = shape.value[first:]
    slope, error = slope_with_error(value)
    change = slope * (len(value) - 1)
    size = max(shape.gain, shape.rise, 4 * shape.noise)
    per_epoch = (len(value) - 1) / max(int(shape.epoch[-1] - shape.epoch[first]), 1)
    return Trend(
        series=shape.series,
        direction=_direction(shape, first, change, error * (len(value) - 1), size),
        slope=slope * per_epoch,
        interval=((slope - 1.96 * error) * per_epoch, (slope + 1.96 * error) * per_epoch),
        strength=change / size if size > 0 else 0.0,
        noise=shape.noise,
        epochs=(int(shape.epoch[first]), int(shape.epoch[-1])),
        best_epoch=best_epoch,
        best=best,
        last=shape.end,
    )


def _direction(shape: Shape, first: int, change: float, error: float, size: float) -> Direction:
    """A fall must lead to a new low and a rise must be the largest yet: coming back from a hump is neither."""
    if len(shape) < MIN_WINDOW:
        return "undecided"
    low_before = float(np.min(shape.smooth[:first])) if first else float("inf")
    least = FALLING * size
    if _sinks(shape, first):
        least /= 10
    if change < -max(SLOPE_Z * error, least) and shape.end <= low_before:
        return "falling"
    if change > max(SLOPE_Z * error, RISING * size) and shape.rise > shape.recovered:
        return "rising"
    return "flat"


def _sinks(shape: Shape, first: int) -> bool:
    """Whether a positive curve falls by a good part of its level, and still does at the end."""
    value = shape.value[first:]
    level, half = LEVEL_FALL * float(np.median(value)), value[len(value) // 2 :]
    falls = [-slope_with_error(part)[0] * (len(part) - 1) for part in (value, half)]
    return shape.positive and falls[0] >= level and falls[1] >= level / 2
