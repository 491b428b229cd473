"""Whether a run never left the level of guessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import GOOD_SKILL, as_fraction, skill_of
from traindiag.analysis.noise import point_noise
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.analysis.smoothing import smooth
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence

DEAD_RANGE = 0.02
"""Without an accuracy: the training loss within this fraction of its start, over at least `DEAD_EPOCHS`."""
DEAD_FALL = 0.01
DEAD_NOISE = 0.006
DEAD_EPOCHS = 20
NO_FIT = 0.05
"""Without an accuracy: a loss above this short of what guessing costs, at its best, has learned nothing."""
MIN_EPOCHS = 10
LONG_EPOCHS = 30
"""A loss may fall for this many epochs before an accuracy at chance says that it falls to no purpose."""
FEW_EPOCHS = 12
"""The same for a loss that has fallen by little: a start may be slow."""
CONSTANT_EPOCHS = 5
CHANCE_SKILL = 0.1
"""An accuracy within this of chance (0 by guessing, 1 perfect) is at chance even when the loss fell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Why a run is taken to be at chance.

    Attributes:
        sure: unless only the flatness of the loss tells.
        majority: the accuracy, where it is that of answering one class for every sample; NaN elsewhere.
    """

    reason: str
    confidence: float
    sure: bool
    evidence: tuple[Evidence, ...]
    majority: float = float("nan")


def read_stuck(signals: Signals, min_fall: float, min_gain: float) -> Stuck | None:
    """Decide by accuracy when there is one, else by the loss.

    Args:
        signals: the run.
        min_fall: a training loss that fell by this fraction of its start has learned something.
        min_gain: an accuracy that rose by this much has learned something.
    """
    train = signals.train_shape
    if train is None or signals.resumed:
        return None
    if train.constant and len(train) >= CONSTANT_EPOCHS:
        return _constant(signals, train)
    accuracies = [
        curve for curve in (signals.accuracy("train"), signals.accuracy("val")) if curve is not None
    ]
    if accuracies:
        return _by_accuracy(signals, train, [as_fraction(curve) for curve in accuracies], min_fall, min_gain)
    return _by_guessing(signals, train) or _by_flat_loss(signals, train)


def _constant(signals: Signals, train: Shape) -> Stuck | None:
    if signals.level.grade == "good":
        return None
    return Stuck(
        reason=f"the training loss is {train.end:.4g} in every one of {len(train)} epochs: no weight changes",
        confidence=confidence(ratio(len(train), CONSTANT_EPOCHS)),
        sure=True,
        evidence=(_loss_evidence(train, 0.0, 1e-6),),
    )


def _by_accuracy(
    signals: Signals, train: Shape, accuracies: list[Curve], min_fall: float, min_gain: float
) -> Stuck | None:
    fall = 1 - train.kept if not np.isnan(train.kept) else 0.0
    gains = [_gain(curve) for curve in accuracies]
    if max(gains) >= min_gain or any(np.isnan(gains)):
        return None
    shown = accuracies[-1]
    constant = _one_class(accuracies)
    skills = [skill_of(curve, signals.classes) for curve in accuracies]
    # A loss that came down from a bad start to the level of guessing has learned nothing either, and one that
    # still comes down after many epochs does so by its penalty, or by unlearning a bad start.
    limit = GOOD_SKILL if fall < min_fall else CHANCE_SKILL
    falling = signals.train_trend is not None and signals.train_trend.direction == "falling"
    if falling and len(train) < (LONG_EPOCHS if fall >= min_fall else FEW_EPOCHS):
        return None
    if max(skills) >= limit and not (constant and fall < min_fall):
        return None
    level = float(np.nanmedian(shown.value))
    what = "is one constant" if constant else "never moved"
    return Stuck(
        reason=f"the {shown.split} accuracy {what} ({level:.3g}) and the training loss kept "
        f"{1 - fall:.0%} of its start in {len(train)} epochs",
        confidence=confidence(
            ratio(min_fall, max(fall, min_fall / 10)),
            ratio(min_gain, max(*gains, min_gain / 10)),
            sharpness=0.8,
        ),
        sure=True,
        majority=level if constant else float("nan"),
        evidence=(
            Evidence(
                series=shown.series,
                epochs=(int(shown.epoch[0]), int(shown.epoch[-1])),
                observed=max(gains),
                threshold=min_gain,
                note="largest gain of an accuracy",
            ),
            _loss_evidence(train, fall, min_fall),
        ),
    )


def _one_class(accuracies: list[Curve]) -> bool:
    """Whether one class is always predicted: a constant accuracy, and no better on training data.

    From 90 % on a constant accuracy may as well be that of a finished network on a small validation set.
    """
    last = accuracies[-1].value[np.isfinite(accuracies[-1].value)]
    first = accuracies[0].value[np.isfinite(accuracies[0].value)]
    return bool(len(last) >= 5 and np.ptp(last) == 0 and last[0] < 0.9 and np.median(first) < last[0] + 0.1)


def _gain(curve: Curve) -> float:
    finite = curve.value[np.isfinite(curve.value)]
    if len(finite) < 3:
        return float("nan")
    course = smooth(finite)
    # The highest of many noisy points lies above their level by about two deviations.
    return float(np.max(course[1:]) - min(course[0], np.median(course[:3])) - 2 * point_noise(course))


def _by_guessing(signals: Signals, train: Shape) -> Stuck | None:
    """No accuracy in the log, but what guessing costs: no loss ever came visibly below that."""
    pairs = [(train, signals.chance_loss("train")), (signals.val_shape, signals.chance_loss("val"))]
    known = [(shape, chance) for shape, chance in pairs if shape is not None and chance is not None]
    falling = signals.train_trend is not None and signals.train_trend.direction == "falling"
    if not known or falling or len(train) < MIN_EPOCHS:
        return None
    best = min(shape.best / chance for shape, chance in known)
    if best < 1 - NO_FIT:
        return None
    return Stuck(
        reason=f"in {len(train)} epochs the loss never came below {best:.0%} of what guessing costs",
        confidence=confidence(ratio(best, 1 - NO_FIT), sharpness=4),
        sure=False,
        evidence=tuple(
            Evidence(
                series=shape.series,
                epochs=(shape.first_epoch, shape.last_epoch),
                observed=shape.best / chance,
                threshold=1 - NO_FIT,
                note="lowest loss, of what the best constant answer costs",
            )
            for shape, chance in known
        ),
    )


def _by_flat_loss(signals: Signals, train: Shape) -> Stuck | None:
    """No accuracy in the log: a loss that hardly varies at all, from the first epoch on.

    A network that fits its data has a small loss that its updates shake by some percent; one that answers
    with a constant has a large one that barely moves.
    """
    val = signals.val_shape
    if signals.telling_metrics or len(train) < DEAD_EPOCHS or not train.positive:
        return None
    if np.ptp(train.smooth) > DEAD_RANGE * train.start or train.noise > DEAD_NOISE * train.start:
        return None
    shapes = [train] if val is None else [train, val]
    if any(_won_something(shape) for shape in shapes):
        return None
    moved = float(np.ptp(train.smooth) / train.start)
    return Stuck(
        reason=f"the training loss stays within {moved:.1%} of its first value for all {len(train)} epochs"
        + ("" if val is None else ", and the validation loss wins nothing"),
        confidence=confidence(ratio(DEAD_RANGE, moved), sharpness=0.3),
        sure=False,
        evidence=tuple(
            _loss_evidence(shape, float((shape.start - shape.end) / shape.start), DEAD_FALL)
            for shape in shapes
        ),
    )


def _won_something(shape: Shape) -> bool:
    """Whether a loss ended visibly below its start, but for its noise."""
    won = shape.start - shape.end
    return not shape.positive or won > max(DEAD_FALL * shape.start, 3 * shape.noise)


def _loss_evidence(shape: Shape, observed: float, threshold: float) -> Evidence:
    return Evidence(
        series=shape.series,
        epochs=(shape.first_epoch, shape.last_epoch),
        observed=float(observed),
        threshold=threshold,
        note="change of the loss, of its start",
    )
