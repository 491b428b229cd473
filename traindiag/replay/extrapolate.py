"""Stop or go on? Where a loss curve is heading, with an interval, or no answer where that is too wide.

Three models are averaged: a power law ``v(t) = c + a (t + s)^-b`` with a >= 0, fitted robustly (the shapes of
learning curves are close to it: Hestness and others, Deep Learning Scaling is Predictable, Empirically, 2017;
Viering and Loog, The Shape of Learning Curves, 2023), the line through the last third, and the last level.
Replicas of the curve (a block bootstrap of the residuals, Kuensch, Ann. Stat. 17, 1989) and the disagreement of
the models give the scale of the error. No model is true: by how much errors exceed that scale was measured on
known runs, and the interval is that wide (split conformal prediction: Lei and others, JASA 113, 2018).
tests/benchmarks/extrapolation.py measures it. Runs unlike those it was measured on are covered less well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from traindiag.analysis.noise import point_noise
from traindiag.analysis.smoothing import bin_edges, smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_EPOCHS = 12
MAX_POINTS = 120
REPLICAS = 100
STATED = 0.8
"""Share of true values the interval is meant to hold."""
WIDENING = 1.7
"""`STATED` quantile of |error| / scale on calibration runs, see tests/benchmarks/extrapolation.py."""
LEAST_SCALE = 0.03
"""No forecast errs by less than this fraction of the gain so far, however smooth the curve."""
WORTH = 0.06
"""What further epochs must win to be worth it, as a fraction of the gain so far; the interval resolves no less."""
TOO_WIDE = 0.5
"""An interval wider than this fraction of the whole gain so far says nothing."""
_POWERS = np.array([0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
_SHIFTS = np.array([0.5, 1.0, 3.0, 10.0, 30.0])
_ROUNDS = 4

Answer = Literal["stop", "go on", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """Where a curve is heading.

    Attributes:
        answer: ``stop`` when even the good end of the interval wins less than the noise or `WORTH` of the gain,
            ``go on`` when its bad end still wins more, else ``cannot tell``.
        reason: why, in a clause.
        horizon: number of further epochs it is about.
        value: predicted level then, in the metric's unit; NaN when it abstains.
        interval: the `STATED` interval of the level.
        best: best smooth level so far.
        win: predicted improvement on `best`; negative when it gets worse.
    """

    answer: Answer
    reason: str
    horizon: int
    value: float
    interval: tuple[float, float]
    best: float
    win: float


def stop_or_go(value: NDArray[np.float64], mode: str, horizon: int | None = None) -> Extrapolation:
    """Whether more epochs are worth it.

    Args:
        value: one value an epoch, shape (n,).
        mode: ``min`` or ``max``.
        horizon: further epochs; half as many as there are when not given.
    """
    sign = -1.0 if mode == "max" else 1.0
    finite = sign * value[np.isfinite(value)]
    ahead = max(1, len(value) // 2) if horizon is None else horizon
    if len(finite) < MIN_EPOCHS or len(finite) < len(value):
        why = (
            "values are missing or not finite"
            if len(finite) < len(value)
            else f"fewer than {MIN_EPOCHS} epochs"
        )
        return _abstain(why, ahead)
    course, noise = smooth(_thinned(finite)), point_noise(finite)
    gain = float(course.max() - course.min())
    level, low, high = predict(finite, ahead)
    best = float(course.min())
    worth = max(noise, WORTH * gain)
    answer: Answer
    if best - low < worth:
        answer, reason = "stop", f"even the good end of the interval wins less than {worth:.2g}"
    elif high - low > TOO_WIDE * gain:
        answer, reason = "cannot tell", "the interval is too wide"
    elif best - high > worth:
        answer, reason = "go on", f"even the bad end of the interval wins more than {worth:.2g}"
    else:
        answer, reason = "cannot tell", "it may win or not"
    ends = sorted((sign * low, sign * high))
    return Extrapolation(
        answer=answer,
        reason=reason,
        horizon=ahead,
        value=sign * level,
        interval=(ends[0], ends[1]),
        best=sign * best,
        win=best - level,
    )


def _abstain(reason: str, horizon: int) -> Extrapolation:
    nothing = float("nan")
    return Extrapolation(
        answer="cannot tell",
        reason=reason,
        horizon=horizon,
        value=nothing,
        interval=(nothing, nothing),
        best=nothing,
        win=nothing,
    )


def predict(
    value: NDArray[np.float64], ahead: int, *, widening: float | None = None
) -> tuple[float, float, float]:
    """The level `ahead` epochs after the end, and the ends of its `STATED` interval.

    Args:
        value: finite, less is better, shape (n,), n >= `MIN_EPOCHS`.
        ahead: epochs after the last one.
        widening: half-width in units of `spread_of`; the measured `WIDENING` when not given.
    """
    level, scale = level_and_scale(value, ahead)
    half = (WIDENING if widening is None else widening) * scale
    return level, level - half, level + half


def level_and_scale(value: NDArray[np.float64], ahead: int) -> tuple[float, float]:
    """Predicted level and the scale of its error before widening."""
    points = _thinned(value)
    stretch = len(value) / len(points)
    time = np.arange(len(points), dtype=np.float64)
    target = len(points) - 1 + ahead / stretch
    noise = point_noise(points)
    fitted, level = _fit(points[None, :], time, target)
    replicas = _replicas(fitted[0], points - fitted[0], np.random.default_rng(0))
    _, levels = _fit(replicas, time, target)
    end = float(np.median(points[-max(3, len(points) // 10) :]))
    spread = float(np.subtract(*np.quantile(levels, [0.84, 0.16]))) / 2
    law, line = float(level[0]), _line(points, target)
    gain = float(np.ptp(points))
    recent = abs(end - float(np.median(points[len(points) // 2 : len(points) // 2 + 3])))
    # Three models that err in different ways; where they disagree, none is to be trusted.
    scale = np.sqrt(
        spread**2 + noise**2 + (0.5 * (line - law)) ** 2 + (0.25 * recent) ** 2 + (LEAST_SCALE * gain) ** 2
    )
    return (law + line + end) / 3, float(scale)


def _line(points: NDArray[np.float64], target: float) -> float:
    """The straight line through the last third, prolonged."""
    third = points[-max(4, len(points) // 3) :]
    time = np.arange(len(third)) - (len(third) - 1) / 2
    slope = float(time @ third / (time @ time))
    return float(third.mean()) + slope * ((len(third) - 1) / 2 + target - (len(points) - 1))


def _thinned(value: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = bin_edges(len(value), MAX_POINTS)
    mean: NDArray[np.float64] = np.add.reduceat(value, edges[:-1]) / np.diff(edges)
    return mean


def _replicas(
    fitted: NDArray[np.float64], residual: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """The fitted curve with blocks of its residuals put elsewhere, shape (REPLICAS, n)."""
    count = len(fitted)
    block = max(2, int(np.ceil(count ** (1 / 3))) * 2)
    blocks = -(-count // block)
    starts = random.integers(0, max(1, count - block + 1), (REPLICAS, blocks))
    place = (starts[:, :, None] + np.arange(block)).reshape(REPLICAS, -1)[:, :count]
    centred = residual - np.median(residual)
    return np.asarray(fitted + centred[np.minimum(place, count - 1)])


@lru_cache(maxsize=8)
def _bases(count: int) -> NDArray[np.float64]:
    """Every power law of the grid at the places 0 .. count - 1: shape (laws, count)."""
    time = np.arange(count, dtype=np.float64)
    return np.stack([(time + shift) ** -power for power in _POWERS for shift in _SHIFTS])


def _fit(
    value: NDArray[np.float64], time: NDArray[np.float64], target: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Robust fits of the family to several curves of one length.

    For each law of the grid a weighted line ``c + a x`` with a >= 0, Huber weights over a few rounds, later points
    counting more; laws are averaged with weights exp(-cost / best cost * n / 2), an Akaike-like ensemble.

    Returns:
        Fitted curves, shape (curves, n), and levels at `target`, shape (curves,).
    """
    laws = _bases(len(time))
    ahead = np.array([(target + shift) ** -power for power in _POWERS for shift in _SHIFTS])
    recency = 0.25 + 0.75 * (time + 1) / len(time)
    weight = np.broadcast_to(recency, (len(value), len(laws), len(time))).copy()
    for _ in range(_ROUNDS):
        total = weight.sum(axis=2)
        mean_x = np.einsum("cln,ln->cl", weight, laws) / total
        mean_y = np.einsum("cln,cn->cl", weight, value) / total
        dx = laws[None] - mean_x[:, :, None]
        dy = value[:, None, :] - mean_y[:, :, None]
        slope = np.maximum(
            (weight * dx * dy).sum(axis=2) / np.maximum((weight * dx * dx).sum(axis=2), 1e-300), 0
        )
        residual = np.abs(dy - slope[:, :, None] * dx)
        size = 1.4826 * np.median(residual, axis=2, keepdims=True) + 1e-12
        weight = recency / np.maximum(1.0, residual / (1.5 * size))
    cost = (recency * np.minimum(residual, 3 * size) ** 2).mean(axis=2) + 1e-24
    best = cost.min(axis=1, keepdims=True)
    share = np.exp(-np.minimum((cost / best - 1) * len(time) / 2, 50))
    share /= share.sum(axis=1, keepdims=True)
    base = mean_y - slope * mean_x
    fitted = np.einsum("cl,cln->cn", share, base[:, :, None] + slope[:, :, None] * laws[None])
    return fitted, np.einsum("cl,cl->c", share, base + slope * ahead)
