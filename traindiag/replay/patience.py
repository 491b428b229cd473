"""Which patience a curve needs: what every patience would have lost and saved, and how sure that is.

A run shows one draw of the noise. Replicas of it, the smooth curve with fresh noise of the same size, show what
else could have happened: a patience is safe when in most replicas EarlyStopping keeps an epoch whose smooth value
is within the noise of the best one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.noise import point_noise
from traindiag.analysis.smoothing import smooth
from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_EPOCHS = 10
REPLICAS = 400
SAFE = 0.9
"""Share of the replicas in which a safe patience loses no more than the tolerance."""
TOLERANCE = 0.01
"""Loss that is forgiven, as a fraction of the curve's gain, where the noise is smaller."""
MARGIN, LEAST = 2, 3
"""The next run has other plateaus than this one: twice the patience that this one needed, and never below 3."""
DELTAS = (0.0, 0.5, 1.0, 2.0)
"""Candidates for min_delta, in units of the noise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatienceAdvice:
    """What every patience does to one curve.

    Attributes:
        monitor, mode: what was looked at.
        epochs: epochs of the log, shape (n,).
        patience: shape (k,): 1 ... k.
        stop: epoch each patience stops after, with min_delta 0; the last epoch where it never stops.
        regret: value lost against the best epoch, best weights restored, in the metric's unit.
        saved: epochs not trained.
        best_epoch, best: of the log.
        noise: standard deviation of one epoch's value.
        gain: fall (or rise) of the smooth curve from its start to its best.
        recommended: the safe patience with a margin for other runs; None when this run put none to the test.
        interval: 10 % and 90 % quantile, over replicas, of the least patience that would have lost nothing.
        min_delta: the min_delta that goes with it, in the metric's unit.
        safety: share of the replicas in which `recommended` loses no more than the tolerance.
        expected_stop: median epoch it stops after, over replicas.
        open_end: whether the best level was reached so late that no patience above the epochs since is tested.
    """

    monitor: str
    mode: str
    epochs: NDArray[np.int64]
    patience: NDArray[np.int64]
    stop: NDArray[np.int64]
    regret: NDArray[np.float64]
    saved: NDArray[np.int64]
    best_epoch: int
    best: float
    noise: float
    gain: float
    recommended: int | None
    interval: tuple[int, int]
    min_delta: float
    safety: float
    expected_stop: int
    open_end: bool


def advise_patience(curve: Curve, *, seed: int = 0) -> PatienceAdvice:
    """Try every patience on a curve and on replicas of it.

    Args:
        curve: the monitored curve; its mode must be known. Epochs without a finite value are left out.
        seed: of the replicas; the same seed gives the same advice.

    Raises:
        UsageError: fewer than `MIN_EPOCHS` finite values, or the direction is unknown.
    """
    monitor = curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"
    if curve.mode is None:
        raise UsageError(
            f"no telling whether {monitor} should rise or fall", next_step="name another monitor"
        )
    finite = np.isfinite(curve.value)
    epochs, logged = curve.epoch[finite], curve.value[finite]
    if len(logged) < MIN_EPOCHS:
        raise UsageError(
            f"{monitor} has {len(logged)} values, too few to advise",
            next_step=f"{MIN_EPOCHS} epochs are needed",
        )
    sign = -1.0 if curve.mode == "max" else 1.0
    value = sign * logged
    count = len(value)
    patience = np.arange(1, count + 1)
    wait, kept = waits(value[None, :], 0.0)
    stop, keep = (each[0] for each in stops(wait, kept, patience))
    course, noise = smooth(value), point_noise(value)
    gain = float(max(course[0], value[0]) - course.min())
    delta, shares, least, ends = _safest(course, noise, gain, patience, np.random.default_rng(seed))
    safe = np.flatnonzero(shares >= SAFE)
    # A patience that reaches past the end of the log was never put to the test.
    tested = count - 1 - int(course.argmin())
    wanted = max(LEAST, MARGIN * int(patience[safe[0]])) if len(safe) else count + 1
    chosen = wanted - 1 if wanted <= tested else None
    at = chosen if chosen is not None else count - 1
    return PatienceAdvice(
        monitor=monitor,
        mode=curve.mode,
        epochs=epochs,
        patience=patience,
        stop=epochs[stop],
        regret=value[keep] - value.min(),
        saved=count - 1 - stop,
        best_epoch=int(epochs[value.argmin()]),
        best=float(logged[value.argmin()]),
        noise=noise,
        gain=gain,
        recommended=None if chosen is None else int(patience[chosen]),
        interval=(int(np.quantile(least, 0.1)), int(np.quantile(least, 0.9))),
        min_delta=delta,
        safety=float(shares[at]),
        expected_stop=int(epochs[int(np.median(ends[:, at]))]),
        open_end=chosen is None,
    )


def waits(value: NDArray[np.float64], min_delta: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """EarlyStopping's wait after each epoch and the epoch it holds for best, as if it never stopped.

    Both are the same for every patience up to the stop, so one pass serves them all.

    Args:
        value: finite, less is better, shape (replicas, epochs).
        min_delta: least improvement.

    Returns:
        int64 wait and place of the best, both of the shape of `value`.
    """
    rows, count = value.shape
    best = np.full(rows, np.inf)
    place = np.zeros(rows, dtype=np.int64)
    wait, kept = np.zeros((rows, count), dtype=np.int64), np.zeros((rows, count), dtype=np.int64)
    waited = np.zeros(rows, dtype=np.int64)
    for at in range(count):
        better = value[:, at] + min_delta < best
        best = np.where(better, value[:, at], best)
        place = np.where(better, at, place)
        waited = np.where(better, 0, waited + 1)
        wait[:, at], kept[:, at] = waited, place
    return wait, kept


def stops(
    wait: NDArray[np.int64], kept: NDArray[np.int64], patience: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places where each patience stops (the last one where it never does) and of what it keeps.

    Returns:
        Both of shape (replicas, patiences).
    """
    longest = np.maximum.accumulate(wait, axis=1)
    last = wait.shape[1] - 1
    at = np.stack([np.searchsorted(row, patience) for row in longest])
    at = np.minimum(at, last)
    return at, np.take_along_axis(kept, at, axis=1)


def _safest(
    course: NDArray[np.float64],
    noise: float,
    gain: float,
    patience: NDArray[np.int64],
    random: np.random.Generator,
) -> tuple[float, NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The min_delta whose safe patience ends soonest, and for it the safety of each patience.

    Returns:
        min_delta; share of safe replicas for each patience; least safe patience of each replica; the place
        each replica stops at for each patience, shape (replicas, patiences).
    """
    replicas = course + noise * random.standard_normal((REPLICAS, len(course)))
    allowed = course.min() + max(noise, TOLERANCE * gain)
    found = []
    for factor in DELTAS:
        at, keep = stops(*waits(replicas, factor * noise), patience)
        fine = course[keep] <= allowed
        shares = fine.mean(axis=0)
        safe = np.flatnonzero(shares >= SAFE)
        end = float(np.median(at[:, safe[0]])) if len(safe) else np.inf
        # From the first patience on that is fine and stays so: more patience never keeps a worse epoch.
        least = np.where(fine.any(axis=1), patience[fine.argmax(axis=1)], patience[-1])
        found.append((end, factor * noise, shares, least, at))
    # A later end must be bought with something: the smaller min_delta wins ties.
    _, delta, shares, least, at = min(found, key=lambda each: each[0])
    return delta, shares, least, at
