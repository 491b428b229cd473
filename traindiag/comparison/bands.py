"""A group of runs as one band: the median of their curves, and the lowest and highest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traindiag.analysis.drawable import drawable
from traindiag.model.curve import Curve

POINTS = 600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """One group: the median of its runs at each epoch, and the lowest and highest.

    Attributes:
        name: what a legend calls it.
        runs: how many there are.
        epoch: float64, shape (n,).
        low, middle, high: float64, shape (n,); NaN where no run has a value.
        broken: whether most of the runs end in NaN or infinity, or in what cannot be drawn.
    """

    name: str
    runs: int
    epoch: NDArray[np.float64]
    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    broken: bool


def band_of(name: str, curves: Sequence[Curve], points: int = POINTS) -> Band:
    """The runs of a group on one grid. Where a run has ended, those that go on stand for the group.

    Args:
        name: what a legend calls the group.
        curves: one a run.
        points: how many there may be; of more epochs, so many at even distances.
    """
    usable = [curve for curve in curves if drawable(curve.value).any()]
    grid = _grid(usable, points)
    rows = np.array([_on_grid(curve, grid) for curve in usable]).reshape(len(usable), len(grid))
    low, middle, high = (np.full(len(grid), np.nan) for _ in range(3))
    known = np.isfinite(rows).any(axis=0)
    if known.any():
        low[known], high[known] = np.nanmin(rows[:, known], axis=0), np.nanmax(rows[:, known], axis=0)
        middle[known] = np.nanmedian(rows[:, known], axis=0)
    ends = [bool(drawable(curve.value)[-1]) for curve in curves if len(curve)]
    return Band(
        name=name,
        runs=len(curves),
        epoch=grid,
        low=low,
        middle=middle,
        high=high,
        broken=2 * ends.count(False) > len(ends),
    )


def _grid(curves: Sequence[Curve], points: int) -> NDArray[np.float64]:
    """Every epoch that some run has; of very many, so many points at even distances."""
    if not curves:
        return np.empty(0)
    every = np.unique(np.concatenate([curve.epoch for curve in curves])).astype(float)
    return every if len(every) <= points else np.linspace(every[0], every[-1], points)


def _on_grid(curve: Curve, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve between its first and last usable value; broken values are bridged."""
    good = drawable(curve.value)
    return np.interp(grid, curve.epoch[good], curve.value[good], left=np.nan, right=np.nan)
