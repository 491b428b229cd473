"""Whether a run ended at a good level, and how that is known.

No loss level is good or bad in itself: units differ. What can be known is how far an accuracy lies above
chance, how far a loss lies below what guessing costs, where the log knows that, and how far a positive loss came down
from where it started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from traindiag.analysis.noise import median, point_noise
from traindiag.analysis.smoothing import smooth
from traindiag.model.curve import Curve
from traindiag.model.names import is_accuracy, metric_words

Grade = Literal["good", "poor", "unknown"]

GOOD_SKILL = 0.5
"""From here on a metric is good: half of the way from chance to perfect."""
POOR_SKILL = 0.35
"""Below it is poor; in between nothing is claimed."""
POOR_FIT = 0.1
"""A loss that explains less than this part of what guessing costs is poor: R² below 0.2, of a squared error."""
LOST = 0.05
"""A training accuracy this far below what it was earlier was lost; healthy runs reach 0.01, cut off anywhere 0.03."""
GOOD_KEPT = 0.5
"""A positive loss that came down to half of its start or less has visibly learned."""

# Metrics of known chance level that are no accuracies: (word, value at chance).
_CHANCE = (("auc", 0.5), ("auroc", 0.5), ("r2", 0.0), ("f1", 0.0), ("iou", 0.0), ("miou", 0.0), ("dice", 0.0),
           ("map", 0.0), ("kappa", 0.0), ("mcc", 0.0))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The level at the end of the run.

    Attributes:
        grade: good, poor or unknown.
        reason: how it was decided, as a clause: "val accuracy 0.97, far above chance".
        skill: 0 at chance, 1 at perfect; NaN when no metric tells.
        beyond: how far beyond its threshold the deciding measure lies, 1 on it: what confidence is made of.
        lost: whether it is poor because the run had been at a better one.
    """

    grade: Grade
    reason: str
    skill: float = float("nan")
    beyond: float = 1.0
    lost: bool = False


def as_fraction(curve: Curve) -> Curve:
    """A percentage curve brought to 0..1; others unchanged."""
    finite = curve.value[np.isfinite(curve.value)]
    if len(finite) == 0 or finite.max() <= 1.5 or finite.max() > 100.5 or finite.min() < 0:
        return curve
    return Curve(
        metric=curve.metric,
        split=curve.split,
        mode=curve.mode,
        epoch=curve.epoch,
        value=curve.value / 100,
        count=curve.count,
        axis=curve.axis,
        restarts=curve.restarts,
    )


def chance_of(curve: Curve, classes: int | None = None) -> float | None:
    """The value the metric has by guessing; None when the name does not tell.

    The chance level of an accuracy is 1 / classes; with an unknown number of classes it is taken from the
    lowest accuracy of the run, at most one half (two classes).
    """
    words = set(metric_words(curve.metric))
    if is_accuracy(curve.metric):
        if classes:
            return 1.0 / classes
        finite = curve.value[np.isfinite(curve.value)]
        return float(min(0.5, smooth(finite).min())) if len(finite) else None
    return next((chance for word, chance in _CHANCE if word in words), None)


def end_of(curve: Curve) -> float:
    """The level of a metric at its end: median of the last three smooth values; NaN without a finite one."""
    finite = as_fraction(curve).value[np.isfinite(curve.value)]
    return median(smooth(finite)[-3:]) if len(finite) else float("nan")


def skill_of(curve: Curve, classes: int | None = None) -> float:
    """(end - chance) / (1 - chance) at the end of the run; NaN when the metric does not tell."""
    curve = as_fraction(curve)
    chance = chance_of(curve, classes)
    finite = curve.value[np.isfinite(curve.value)]
    if chance is None or len(finite) == 0 or finite.max() > 1.0 + 1e-6:
        return float("nan")
    return (end_of(curve) - chance) / (1 - chance)


def level_of(
    metrics: Sequence[Curve],
    kept: float,
    classes: int | None = None,
    of_chance: Mapping[str, float] | None = None,
) -> Level:
    """The level a run ended at.

    Args:
        metrics: curves that may tell, the most telling first (validation before training).
        kept: end of the training loss as a fraction of its start; NaN when unknown.
        classes: number of classes, when the log tells.
        of_chance: end of the loss as a fraction of what guessing costs, by split, where it is known.
    """
    for curve in metrics:
        skill = skill_of(curve, classes)
        if not np.isnan(skill):
            return _by_metric(f"{curve.split} {curve.metric} {end_of(curve):.3g}", skill)
    by_guessing = _by_guessing(of_chance or {})
    if by_guessing is not None and by_guessing.grade != "unknown":
        return by_guessing
    if kept <= GOOD_KEPT:
        # A low loss says less than an accuracy does: how low it could be is not known.
        deep = min(1 + 0.25 * (GOOD_KEPT / max(kept, 1e-9) - 1), 2.0)
        return Level(grade="good", reason=f"the loss came down to {kept:.0%} of its start", beyond=deep)
    return by_guessing or Level(
        grade="unknown",
        reason="the log has no accuracy, and the loss came down too little to tell a good level",
        beyond=1.0 if np.isnan(kept) else kept / GOOD_KEPT,
    )


def _by_guessing(of_chance: Mapping[str, float]) -> Level | None:
    """Good where both splits are answered far better than by guessing; poor where neither is, or validation worse."""
    if not of_chance:
        return None
    ranked = sorted(of_chance.items(), key=lambda item: item[1])
    better, worse, val = ranked[0], ranked[-1], ("val", of_chance.get("val", 0.0))
    if worse[1] <= 1 - GOOD_SKILL:
        return _level_of_loss("good", *worse, beyond=3 - 2 * worse[1])
    if val[1] > 1:
        return _level_of_loss("poor", *val, beyond=val[1])
    if better[1] > 1 - POOR_FIT:
        return _level_of_loss("poor", *better, beyond=better[1] / (1 - POOR_FIT))
    return _level_of_loss("unknown", *worse, beyond=1.0)


def _level_of_loss(grade: Grade, split: str, share: float, beyond: float) -> Level:
    name = {"train": "training", "val": "validation"}[split]
    reason = f"the {name} loss is {share:.0%} of what guessing costs"
    if grade == "unknown":
        reason += ", neither good nor poor by itself"
    return Level(grade=grade, reason=reason, skill=1 - share, beyond=beyond)


def lost_level(accuracy: Curve) -> Level | None:
    """The level of a run whose training accuracy fell back from what it was in the first two thirds.

    Args:
        accuracy: of training, 0..1.
    """
    finite = accuracy.value[np.isfinite(accuracy.value)]
    if len(finite) < 10:
        return None
    course = smooth(finite)
    best, end = float(course[: 2 * len(course) // 3].max()), median(course[-max(3, len(course) // 6) :])
    if best - end < max(LOST, point_noise(finite)):
        return None
    return Level(
        grade="poor",
        reason=f"the {accuracy.split} {accuracy.metric} fell back from {best:.2f} to {end:.2f}",
        beyond=(best - end) / LOST,
        lost=True,
    )


def _by_metric(name: str, skill: float) -> Level:
    if skill >= GOOD_SKILL:
        return Level(grade="good", reason=f"{name} is far above chance", skill=skill, beyond=1 + 2 * skill)
    if skill < POOR_SKILL:
        below = 1 + 2 * (POOR_SKILL - max(skill, 0.0)) / POOR_SKILL
        return Level(grade="poor", reason=f"{name} is little above chance", skill=skill, beyond=below)
    between = 1 + min(GOOD_SKILL - skill, skill - POOR_SKILL) / (GOOD_SKILL - POOR_SKILL)
    return Level(
        grade="unknown", reason=f"{name} is neither good nor poor by itself", skill=skill, beyond=between
    )
