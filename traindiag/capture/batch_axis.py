"""The losses of single batches in a `fit`, from the running means that Keras tells callbacks.

With ``r_j`` the mean over the first j batches, of w_j batches' weight together, the mean loss of the batches behind i
up to j is ``(w_j r_j - w_i r_i) / (w_j - w_i)``; see `traindiag.analysis.epochs` for where that comes from. All batches
weigh the same but for the last one of the epoch, which may be smaller.

Keras adds up and divides in float32, whose rounding is u = 2^-24 = 6e-8 of each result. So after j batches a loss that
stands for m of them is wrong by no more than ``(1 + 3 / m) u j r_j``: the sum was rounded m times, at most by u of
itself each, and the two means once. In an epoch of 1,000 batches that is 2.4e-4 of the mean for single batches at
its end, in one of 100,000 batches it is 2.4 %, but there a point stands for hundreds of batches: what adding up them
rounded mostly cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from traindiag.capture.device import import_keras, number

TOTAL = 40_000
"""Points of one run, some 2 MB of event files."""


class BatchLosses:
    """Collects one epoch after the other in memory that does not grow with the number of batches.

    Of an epoch of more batches than wanted points, each point is the mean of 2, 4, 8, ... batches, so that none is
    left out: a single bad batch shows in its point.

    Args:
        most: points of one epoch.
    """

    def __init__(self, most: int) -> None:
        self.begin(most)

    def begin(self, most: int) -> None:
        """Begins an epoch; less than one point means none."""
        self._most = most
        self._stride = 1
        self._means: dict[int, float] = {}
        self._last = (0, math.nan)

    def note(self, batches: int, mean: float) -> None:
        """The running mean after so many batches; in any order, for Keras may call from several threads."""
        if self._most < 1:
            return
        if batches >= self._last[0]:
            self._last = (batches, mean)
        if batches % self._stride:
            return
        self._means[batches] = mean
        while len(self._means) > self._most:
            self._stride *= 2
            # A copy: another thread may add to it.
            self._means = {at: value for at, value in list(self._means.items()) if at % self._stride == 0}

    @property
    def last(self) -> tuple[int, float]:
        """Batches so far, and their mean."""
        return self._last

    def singles(self) -> dict[int, float]:
        """The values as they were noted, by the number of their batch, ascending."""
        return dict(sorted(self._means.items()))

    def losses(self, last_weight: float = 1.0) -> dict[int, float]:
        """Mean loss of the batches up to each point, by their number, ascending.

        Args:
            last_weight: samples in the last batch over those in the others.
        """
        means = dict(sorted((self._means | dict([self._last] if self._last[0] else [])).items()))
        if not means:
            return {}
        at = np.array(list(means), dtype=np.int64)
        mean = np.array(list(means.values()), dtype=np.float64)
        weight = at.astype(np.float64)
        weight[-1] += last_weight - 1
        total = np.append(0.0, weight * mean)
        with np.errstate(invalid="ignore"):
            losses = np.diff(total) / np.diff(np.append(0.0, weight))
        # Behind the first one that is not finite the means tell nothing more.
        known = np.append(True, np.isfinite(mean[:-1]))
        # The loss itself, where it was the first: infinity less a number is that, NaN is NaN.
        return dict(zip(at[known].tolist(), losses[known].tolist(), strict=True))


class Share:
    """How many points each epoch may have, so that a run of any length stays below `total`.

    Early epochs may have more than later ones: that is where a training goes wrong most often.

    Args:
        total: points of the run.
        epochs: how many are planned; None when that is not known.
    """

    most, least = 500, 4

    def __init__(self, total: int, epochs: int | None) -> None:
        self._left = total
        self._epochs = epochs

    def of(self, epoch: int) -> int:
        """For an epoch that begins; 0 where so few are left that they would tell nothing."""
        to_come = max((self._epochs or 0) - epoch, 1) if self._epochs else 100
        wanted = min(self.most, max(self._left // to_come, self._left // 100))
        return wanted if wanted >= self.least and self._left > 0 else 0

    def spend(self, points: int) -> None:
        """What an epoch has taken."""
        self._left -= points


class BatchAxis:
    """The batch axis of one `fit`: losses of single batches by step, thinned so that a run of any length stays small.

    Args:
        model: the Keras model.
        size: samples of a batch; None when that is not known.
        epochs: how many are planned, or None.
        steps: of an epoch, or None.
    """

    def __init__(self, model: Any, size: int | None, epochs: int | None, steps: int | None) -> None:
        # Not kept: on JAX asking a model in the middle of an epoch costs a transfer.
        self._metrics = list(getattr(model, "metrics", []))
        self._asks_early = import_keras().backend.backend() != "jax"
        self._size: float | None = size
        self._share = Share(TOTAL, epochs)
        self._steps = steps or 0
        self._before: int | None = None
        self._losses = BatchLosses(0)
        self._counts: list[tuple[float, float]] = []

    def begin_epoch(self, epoch: int) -> None:
        """Before its first batch; `epoch` is zero-based."""
        if self._before is None:
            self._before = epoch * self._steps
        self._losses.begin(self._share.of(epoch))
        self._counts = []

    def note(self, batches: int, logs: Mapping[str, Any] | None) -> None:
        """After so many batches of the epoch, what Keras logs then."""
        loss = (logs or {}).get("loss")
        if isinstance(loss, float):
            self._losses.note(batches, loss)
            if self._size is None and self._asks_early:
                counted = _count_of(loss, self._means())
                self._size = 0.0 if counted is None else counted / batches

    def end_training(self, model: Any) -> None:
        """After the last batch, before a validation begins to count anew."""
        self._metrics = list(getattr(model, "metrics", []))
        self._counts = self._means()

    def _means(self) -> list[tuple[float, float]]:
        """Of each metric that is a mean: its value, and what Keras has divided by to get it."""
        found = []
        for metric in self._metrics:
            total, count = (getattr(metric, name, None) for name in ("total", "count"))
            if total is not None and count is not None:
                values = [number(each) for each in (total, count)]
                if values[1] > 0:
                    found.append((values[0] / values[1], values[1]))
        return found

    def end_epoch(self, steps: int) -> dict[int, float]:
        """Losses by optimizer step, ascending; none where batches differ in size in a way that is not known."""
        batches, mean = self._losses.last
        before = self._before or 0
        self._before = before + steps
        # Asked for only now: JAX may tell of the last batch after the training has ended.
        counted = _count_of(mean, self._counts)
        if counted is None:
            found = self._losses.singles()
        else:
            weight = self._last_weight(batches, counted)
            found = {} if weight is None else self._losses.losses(weight)
        self._share.spend(len(found))
        return {before + at: loss for at, loss in found.items()}

    def _last_weight(self, batches: int, counted: float) -> float | None:
        """Samples of the last batch over those of the others; None where these cannot all be alike."""
        if counted == batches or not self._size or counted >= _EXACT:
            return 1.0
        weight = counted / self._size - (batches - 1)
        return weight if 0 < weight <= 1 + 1e-6 else None


_EXACT = float(1 << 24)
"""Beyond this a count in float32 is rounded."""


def _count_of(mean: float, means: list[tuple[float, float]]) -> float | None:
    """What was divided by to get a mean: samples, or batches in many a hand-written step.

    None where no metric has that mean: then the step logs something else, such as the loss of its batch.
    """
    return next((count for value, count in means if _alike(value, mean)), None)


def _alike(one: float, other: float) -> bool:
    return (
        abs(one - other) <= 1e-5 * max(abs(one), abs(other))
        or (one != one and other != other)
        or one == other
    )
