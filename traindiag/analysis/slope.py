"""The slope of a stretch of a curve, and how sure it is."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.noise import lag_one_correlation, median, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
