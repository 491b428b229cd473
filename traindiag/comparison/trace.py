"""One run's curve of the metric that is compared, and what is measured on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.noise import point_noise
from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.curve import Curve
from traindiag.model.names import Mode, split_and_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """A run with its curve of one metric.

    Attributes:
        sign: 1 where less is better, else -1.
    """

    curve: Curve
    signals: Signals
    sign: float

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Where the curve has a number."""
        return np.isfinite(self.curve.value)

    @cached_property
    def value(self) -> NDArray[np.float64]:
        """The finite values."""
        return self.curve.value[self.finite]

    @cached_property
    def epoch(self) -> NDArray[np.int64]:
        """The epochs (or steps) of the finite values."""
        return self.curve.epoch[self.finite]

    @property
    def best(self) -> float:
        """NaN where no value is finite."""
        return float(self.sign * np.min(self.sign * self.value)) if len(self.value) else math.nan

    @property
    def final(self) -> float:
        """The last value, finite or not."""
        return float(self.curve.value[-1])

    @property
    def ends_broken(self) -> bool:
        """Whether the run ends in NaN or infinity: by this metric, or by its loss, which others may outlive."""
        curves = (self.curve, self.signals.train, self.signals.val)
        return any(not math.isfinite(each.value[-1]) for each in curves if each is not None and len(each))

    @property
    def start(self) -> float:
        """The first finite value."""
        return float(self.value[0]) if len(self.value) else math.nan

    @property
    def noise(self) -> float:
        """Of single epochs, in the second half of the run."""
        return point_noise(self.value[len(self.value) // 2 :] if len(self.value) >= 8 else self.value)

    def area(self, first: int, last: int) -> float:
        """Mean of the curve between two epochs: the area under it, by the epoch."""
        if not len(self.value) or last < first:
            return math.nan
        grid = np.linspace(first, last, min(last - first + 1, 2000))
        return float(np.mean(np.interp(grid, self.epoch, self.value)))

    def reached(self, target: float) -> int | None:
        """The first epoch as good as the target."""
        good = np.flatnonzero(self.sign * self.value <= self.sign * target)
        return int(self.epoch[good[0]]) if len(good) else None

    def epochs_to(self, target: float) -> float:
        """How many epochs it took: a run that started at epoch 50 and got there at 59 took ten. NaN if never."""
        epoch = self.reached(target)
        return math.nan if epoch is None else float(epoch - self.curve.epoch[0] + 1)

    def seconds_to(self, target: float) -> float:
        """Wall time until the target was reached; epochs of unknown length count as the median one."""
        epoch = self.reached(target)
        times = epoch_seconds(self.signals)
        if epoch is None or times is None or not len(times[0]):
            return math.nan
        known = times[1][times[0] <= epoch]
        unknown = max(int(np.count_nonzero(self.curve.epoch <= epoch)) - len(known), 0)
        return float(np.sum(known) + unknown * np.median(times[1]))


def traces_of(signals: Sequence[Signals], metric: str, mode: Mode) -> list[Trace]:
    """The curves of one group; runs without the metric are left out."""
    curves = ((each, each.curve(*split_and_metric(metric))) for each in signals)
    sign = 1.0 if mode == "min" else -1.0
    return [Trace(curve=curve, signals=each, sign=sign) for each, curve in curves if curve is not None]
