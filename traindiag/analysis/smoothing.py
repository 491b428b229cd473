"""Smoothing that one bad point cannot bend and that follows a steep start."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_POINTS = 400
"""Longer curves are averaged in bins before they are judged: more points tell nothing more of a trend."""


def bin_edges(count: int, bins: int = MAX_POINTS) -> NDArray[np.int64]:
    """Edges of at most `bins` bins of nearly equal size: int64, shape (min(count, bins) + 1,)."""
    return np.linspace(0, count, min(count, bins) + 1).astype(np.int64)


def despike(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running median of three: an isolated point cannot stand out, a monotone stretch is unchanged.

    The ends follow Tukey's end-point rule (Tukey, Exploratory Data Analysis, 1977, section 7C): the median
    of the end, its neighbour, and the line through the two next points prolonged to the end.
    """
    if len(value) < 3:
        return value.copy()
    smooth = value.copy()
    smooth[1:-1] = _middle(value[:-2], value[1:-1], value[2:])
    smooth[0] = sorted((value[0], smooth[1], 3 * smooth[1] - 2 * smooth[2]))[1]
    smooth[-1] = sorted((value[-1], smooth[-2], 3 * smooth[-2] - 2 * smooth[-3]))[1]
    return smooth


def _middle(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of three arrays, element by element."""
    middle: NDArray[np.float64] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return middle


def smooth(value: NDArray[np.float64], window: int | None = None) -> NDArray[np.float64]:
    """The despiked curve after local linear regression with tricube weights.

    (Cleveland, Robust Locally Weighted Regression, JASA 74, 1979; here on a uniform grid, where it is one
    fixed linear operator per length, and after a running median in place of the robustness iterations.)

    Args:
        value: finite float64, shape (n,).
        window: odd number of points regarded at once; a tenth of the curve, at least 3 and at most 15,
            when not given. A window of 3 leaves the despiked curve almost as it is.
    """
    despiked = despike(value)
    size = window or window_for(len(value))
    if size < 3 or len(value) < 5:
        return despiked
    if len(value) > MAX_POINTS and len(value) > 4 * size:
        return _smooth_long(despiked, size)
    return local_linear_operator(len(value), size) @ despiked


def _smooth_long(value: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """As by the operator of its length, whose rows but for the ends are one row shifted: no matrix of n times n."""
    middle = 2 * window
    operator = local_linear_operator(2 * middle + 1, window)
    kernel = operator[middle, middle - window : middle + window + 1]
    out: NDArray[np.float64] = np.convolve(value, kernel, mode="same")
    out[:window] = operator[:window] @ value[: len(operator)]
    out[-window:] = operator[-window:] @ value[-len(operator) :]
    return out


def window_for(count: int) -> int:
    """The default smoothing window for a curve of `count` points: odd, 3 to 15."""
    return int(min(15, max(3, count // 10))) | 1


@lru_cache(maxsize=64)
def local_linear_operator(count: int, window: int) -> NDArray[np.float64]:
    """The matrix, shape (count, count), that smooths a curve of `count` equally spaced points."""
    position = np.arange(count, dtype=np.float64)
    distance = position[None, :] - position[:, None]
    half = (window + 1) / 2
    # At the ends the window cannot reach further out, so it reaches further in: as many points everywhere.
    reach = np.maximum(half, half + np.maximum(window // 2 - np.minimum(position, count - 1 - position), 0))
    weight = np.clip(1 - np.abs(distance / reach[:, None]) ** 3, 0, None) ** 3
    first = weight.sum(axis=1)
    second = (weight * distance).sum(axis=1)
    third = (weight * distance**2).sum(axis=1)
    determinant = first * third - second**2
    operator: NDArray[np.float64] = (
        weight * (third[:, None] - second[:, None] * distance) / determinant[:, None]
    )
    return operator
