"""How much one point of a curve jumps around its own smooth course."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for normal noise."""


def median(value: NDArray[np.float64]) -> float:
    """The median of a short array of finite numbers; four times as fast there as numpy's."""
    ordered = np.sort(value)
    count = len(ordered)
    return float(0.5 * (ordered[(count - 1) // 2] + ordered[count // 2]))


def point_noise(value: NDArray[np.float64]) -> float:
    """Standard deviation of one point around the smooth curve, from second differences.

    A straight line has none, and a smooth bend hardly any; white noise of deviation s gives second
    differences of deviation s * sqrt(6). The median makes it immune to spikes and to a steep start
    (von Neumann's difference estimator, Ann. Math. Stat. 12, 1941, in its second-order robust form).

    Args:
        value: finite float64, shape (n,). Fewer than 4 points give 0.
    """
    if len(value) < 4:
        return 0.0
    bend = np.diff(value, n=2)
    return float(MAD_TO_SIGMA * median(np.abs(bend)) / np.sqrt(6.0))


def spread(value: NDArray[np.float64]) -> float:
    """Robust standard deviation of values around their median."""
    if len(value) == 0:
        return 0.0
    return MAD_TO_SIGMA * median(np.abs(value - median(value)))


def lag_one_correlation(residual: NDArray[np.float64]) -> float:
    """Correlation of neighbours, between 0 and 0.9: neighbours that agree tell less than independent ones."""
    if len(residual) < 4:
        return 0.0
    centred = residual - residual.mean()
    power = float(centred @ centred)
    if power <= 0:
        return 0.0
    return float(np.clip(centred[1:] @ centred[:-1] / power, 0.0, 0.9))


def turning_fraction(value: NDArray[np.float64]) -> float:
    """Share of inner points that are extremes: 0 in a smooth fall, 2/3 in white noise, 1 in a zigzag."""
    if len(value) < 3:
        return 0.0
    step = np.sign(np.diff(value))
    return float(np.mean(step[1:] * step[:-1] < 0))
