"""A curve in a few characters, for tables: NaN and infinity show as a mark, not as a gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from traindiag.model.curve import Curve

LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.,-=+*#"
BROKEN, ASCII_BROKEN = "×", "x"
LOG_DECADES = 3.0


def sparklines(curves: Sequence[Curve | None], width: int, *, ascii: bool = False) -> list[str]:
    """One sparkline a curve, all on the same epochs and the same scale so that gaps can be seen.

    The scale is logarithmic where all values are positive and span more than `LOG_DECADES` decades.

    Args:
        curves: the curves of one run; None gives an empty sparkline.
        width: most characters each may take; short runs take one an epoch.
        ascii: draw with ASCII characters.
    """
    present = [curve for curve in curves if curve is not None and len(curve)]
    if not present:
        return ["" for _ in curves]
    first = min(int(curve.epoch[0]) for curve in present)
    last = max(int(curve.epoch[-1]) for curve in present)
    cells = min(width, last - first + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        return _all_drawn(curves, first, last, cells, ascii)


def _all_drawn(curves: Sequence[Curve | None], first: int, last: int, cells: int, ascii: bool) -> list[str]:
    binned = [None if curve is None else _binned(curve, first, last, cells) for curve in curves]
    low, high, log = _scale([means for each in binned if each is not None for means in [each[0]]])
    return ["" if each is None else _drawn(*each, low, high, log, ascii) for each in binned]


def _binned(
    curve: Curve, first: int, last: int, cells: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each cell: mean of its finite values (NaN without any), whether it holds a NaN, or nothing."""
    cell = ((curve.epoch - first) * cells // (last - first + 1)).astype(np.int64)
    finite = np.isfinite(curve.value)
    count = np.bincount(cell[finite], minlength=cells)
    total = np.bincount(cell[finite], weights=curve.value[finite], minlength=cells)
    means = np.divide(total, count, out=np.full(cells, np.nan), where=count > 0)
    broken = np.bincount(cell[~finite], minlength=cells) > 0
    return means, broken, (count == 0) & ~broken


def _scale(means: Sequence[NDArray[np.float64]]) -> tuple[float, float, bool]:
    finite = np.concatenate([each[np.isfinite(each)] for each in means])
    if not len(finite):
        return 0.0, 0.0, False
    low, high = float(finite.min()), float(finite.max())
    log = low > 0 and np.log10(high / low) > LOG_DECADES
    return (float(np.log(low)), float(np.log(high)), True) if log else (low, high, False)


def _drawn(
    means: NDArray[np.float64],
    broken: NDArray[np.bool_],
    empty: NDArray[np.bool_],
    low: float,
    high: float,
    log: bool,
    ascii: bool,
) -> str:
    levels = ASCII_LEVELS if ascii else LEVELS
    mark = ASCII_BROKEN if ascii else BROKEN
    heights = np.log(means, where=np.isfinite(means), out=means.copy()) if log else means
    span = high - low
    share = (heights - low) / span if span > 0 else np.full(len(heights), 0.5)
    index = np.clip(np.nan_to_num(share) * len(levels), 0, len(levels) - 1).astype(int)
    return "".join(
        mark if bad else " " if none else levels[at]
        for at, bad, none in zip(index, broken, empty, strict=True)
    )
