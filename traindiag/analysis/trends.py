"""Which way a curve is going at its end."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.noise import lag_one_correlation, median, spread
from traindiag.analysis.shape import Shape
from traindiag.model.trend import Direction, Trend

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 0.3
"""Share of the run at its end in which the direction is judged; at least `MIN_WINDOW` points."""
MIN_WINDOW = 5
FALLING = 0.02
"""A fall over the window counts from this fraction of the curve's own range."""
RISING = 0.05
"""A rise over the window counts from this fraction of the curve's own range."""
SLOPE_Z = 3.0
"""The slope must lie this many standard errors from zero."""


def theil_sen(value: NDArray[np.float64]) -> float:
    """The median slope of all pairs of points, per point (Sen, JASA 63, 1968).

    Up to 29 % of the points may be arbitrarily wrong without effect.
    """
    count = len(value)
    if count < 2:
        return 0.0
    left, right = _all_pairs(count) if count <= 80 else _far_pairs(count)
    return median((value[right] - value[left]) / (right - left))


@lru_cache(maxsize=128)
def _all_pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    left, right = np.triu_indices(count, 1)
    return left, right


def _far_pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs at half the length apart: nearly as efficient as all pairs, and linear in number."""
    half = count // 2
    left = np.arange(count - half)
    return left, left + half


def slope_with_error(value: NDArray[np.float64]) -> tuple[float, float]:
    """Robust slope per point and its standard error, neighbours' correlation allowed for.

    The error is that of a straight-line fit to independent points, s * sqrt(12 / n**3), widened by
    sqrt((1 + r) / (1 - r)) for residuals of lag-one correlation r.
    """
    count = len(value)
    slope = theil_sen(value)
    residual = value - slope * np.arange(count)
    residual = residual - median(residual)
    correlation = lag_one_correlation(residual)
    error = spread(residual) * np.sqrt(12.0 / count**3) * np.sqrt((1 + correlation) / (1 - correlation))
    return slope, float(error)


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
    if change < -max(SLOPE_Z * error, FALLING * size) and shape.end <= low_before:
        return "falling"
    if change > max(SLOPE_Z * error, RISING * size) and shape.rise > shape.recovered:
        return "rising"
    return "flat"
