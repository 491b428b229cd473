"""The shape of one loss curve: where it started, its best, its end, and how noisy it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.noise import median, point_noise, spread, turning_fraction
from traindiag.analysis.slope import theil_sen
from traindiag.analysis.smoothing import bin_edges, despike, smooth, window_for
from traindiag.model.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPLOSIVE_START = 20.0
"""A positive loss that starts above this many times its value a tenth into the run is cut there: an
untrained network may start anywhere, and measured against such a start everything later would look flat."""

EXPLOSIVE_STEP = 3.0
"""The same, against the second point: a single wild first epoch."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Robust landmarks of a curve where less is better, all in the curve's own unit.

    Attributes:
        epoch: int64, shape (n,): the finite points that were judged (bins of them on long curves).
        value, smooth: float64, shape (n,): the values and their smooth course.
        start: level at the beginning.
        best: lowest smooth value; `best_index` is the place of the lowest logged value near it.
        end: level at the end: median of the last three smooth values, so that one bad epoch cannot move it.
        noise: standard deviation of one point around the smooth course in the second half.
        recovered: the largest rise of the smooth course that was later made good. A rise at the end
            that is no larger proves nothing: the curve has risen that far before and come back.
    """

    series: str
    epoch: NDArray[np.int64]
    value: NDArray[np.float64]
    smooth: NDArray[np.float64]
    start: float
    best: float
    best_index: int
    end: float
    noise: float
    recovered: float

    def __len__(self) -> int:
        return len(self.value)

    @property
    def gain(self) -> float:
        """What was won from the start to the best, never negative."""
        return max(self.start - self.best, 0.0)

    @property
    def rise(self) -> float:
        """How far the end lies above the best, never negative."""
        return max(self.end - self.best, 0.0)

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest smooth value."""
        return int(self.epoch[self.best_index])

    @property
    def first_epoch(self) -> int:
        """First finite epoch."""
        return int(self.epoch[0])

    @property
    def last_epoch(self) -> int:
        """Last finite epoch."""
        return int(self.epoch[-1])

    @property
    def positive(self) -> bool:
        """Whether ratios of levels make sense."""
        return bool(np.min(self.value) > 0)

    @property
    def non_negative(self) -> bool:
        """Whether levels can be compared: a memorised loss may be exactly zero at times."""
        return bool(np.min(self.value) >= 0)

    @property
    def kept(self) -> float:
        """End as a fraction of the start; NaN unless the loss is positive."""
        return self.end / self.start if self.positive and self.start > 0 else float("nan")

    @property
    def constant(self) -> bool:
        """Whether nothing ever moved, to six digits."""
        return bool(np.ptp(self.value) <= 1e-6 * np.max(np.abs(self.value)))


def shape_of(curve: Curve) -> Shape | None:
    """The shape of a curve (negated when more is better), or None without a finite point."""
    finite = np.isfinite(curve.value)
    value, epoch = curve.value[finite], curve.epoch[finite]
    if len(value) == 0:
        return None
    if curve.mode == "max":
        value = -value
    # Beyond what float32 logs can hold a square would overflow, and nothing is left to judge anyway.
    value = np.clip(value, -1e100, 1e100)
    edges = bin_edges(len(value))
    if len(edges) <= len(value):
        value = np.add.reduceat(value, edges[:-1]) / np.diff(edges)
        epoch = epoch[edges[1:] - 1]
    course = smooth(value)
    half = value[len(value) // 2 :]
    noise = max(point_noise(half if len(half) >= 8 else value), _digits(value))
    best = float(course.min())
    return Shape(
        series=curve.series,
        epoch=epoch,
        value=value,
        smooth=course,
        start=start_level(value, course),
        best=best,
        best_index=_best_index(value, course, best + noise),
        end=median(course[-3:]),
        noise=noise,
        recovered=recovered_rise(course),
    )


def start_level(value: NDArray[np.float64], course: NDArray[np.float64]) -> float:
    """The level at the beginning: the first value, unless it lies below its neighbours or far above all."""
    if len(value) < 3:
        return float(value[0])
    start = float(max(value[0], despike(value)[0]))
    if value.min() <= 0:
        return start
    early = float(course[min(max(3, len(course) // 10), len(course) - 1)])
    return min(start, EXPLOSIVE_STEP * float(value[1]), EXPLOSIVE_START * early)


def _best_index(value: NDArray[np.float64], course: NDArray[np.float64], near: float) -> int:
    """The lowest logged point where the course is as low as it gets, but for noise and smoothing."""
    lowest = int(np.argmin(course))
    reach = window_for(len(course)) // 2 + 1
    candidates = course <= near
    candidates[max(lowest - reach, 0) : lowest + reach + 1] = True
    return int(np.argmin(np.where(candidates, value, np.inf)))


def _digits(value: NDArray[np.float64]) -> float:
    """The least noise a logged curve has: float32, or four printed digits, round it."""
    return float(1e-7 * np.max(np.abs(value)))


def recovered_rise(course: NDArray[np.float64]) -> float:
    """The largest rise above a running minimum that a later, lower minimum made good."""
    minimum = np.minimum.accumulate(course)
    new_minimum = np.flatnonzero(course <= minimum)
    if len(new_minimum) == 0:
        return 0.0
    inside = course[: new_minimum[-1] + 1] - minimum[: new_minimum[-1] + 1]
    return float(inside.max())


def swing(shape: Shape, fraction: float = 0.5) -> tuple[float, float]:
    """Robust deviation and share of turning points of the last `fraction` of the curve, trend taken out."""
    count = max(int(len(shape) * fraction), min(8, len(shape)))
    value = shape.value[-count:]
    position = np.arange(count)
    return spread(value - theil_sen(value) * position), turning_fraction(value)


LEAP = 1.5
"""A loss leaps when it is this many times the value before it."""


def leaps(shape: Shape) -> NDArray[np.int64]:
    """Indices at which a positive loss leapt to a level that matters.

    That is above 1.5 times the value before, 1.2 times its late level and a tenth of its start: a memorised
    loss may leap between tiny values as it likes.
    """
    value = shape.value
    if len(value) < 4 or not shape.non_negative:
        return np.empty(0, dtype=np.int64)
    late = float(np.median(value[len(value) // 2 :]))
    matters = value[1:] >= max(1.2 * late, 0.1 * shape.start)
    return np.flatnonzero((value[1:] >= LEAP * value[:-1]) & matters) + 1
