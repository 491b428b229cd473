from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import POOR_SKILL, as_fraction, skill_of
from traindiag.analysis.signals import Signals
from traindiag.analysis.smoothing import smooth
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import (
    more_capacity,
    number,
    overfit_one_batch,
    present,
    raise_learning_rate,
)


class Underfitting(Rule):
    """Training and validation are equally poor: the network does not fit what it is shown.

    ## Why it matters
    A network that cannot fit its training data cannot generalise either. More data or more regularisation,
    the cures of overfitting, make it worse.

    ## Evidence
    A metric of known chance level (accuracy, AUC, R2), logged for both splits: both end less than a third of
    the way from chance to perfect, and near each other, though they did move. A warning when the losses have
    stopped falling, a note while they still fall.

    ## Remedies
    Take regularisation away first, then more capacity; train longer while the loss still falls.

    ## When to ignore
    When nobody does better on these data, or when classes are so unequal that the majority rate is high.

    ## References
    Goodfellow, Bengio and Courville, Deep Learning, 2016, section 5.2 (capacity, over- and underfitting).
    """

    code = "TD206"
    name = "underfitting"
    needs: ClassVar[tuple[str, ...]] = ("train/loss", "val/loss")
    min_epochs = 10

    poor: float = option(POOR_SKILL, "both splits end below this skill (0 at chance, 1 at perfect)",
                         "the limit below which docs/trends.md calls a level poor")  # fmt: skip
    gap: float = option(0.1, "largest difference of the two skills", "a larger one is a generalisation gap")

    def judge(self, signals: Signals) -> Iterator[Finding]:
        pair = self._pair(signals)
        if pair is None or signals.resumed:
            return
        train, val = pair
        skill, other = skill_of(train, signals.classes), skill_of(val, signals.classes)
        if np.isnan(skill) or np.isnan(other) or max(skill, other) >= self.poor:
            return
        if abs(skill - other) > self.gap or not _moved(train):
            return
        trends = [trend for trend in (signals.train_trend, signals.val_trend) if trend is not None]
        falling = any(trend.direction == "falling" for trend in trends)
        ends = [_end(train), _end(val)]
        yield self.finding(
            f"{train.metric} ends at {number(ends[0])} on training and {number(ends[1])} on validation data: "
            f"both poor, and {'still improving' if falling else 'no longer improving'}",
            confidence=confidence(ratio(self.poor, max(skill, other, 0.01)), sharpness=0.6),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[0]), int(curve.epoch[-1])),
                    observed=value,
                    threshold=self.poor,
                    note="skill at the end: 0 is chance, 1 perfect",
                )
                for curve, value in ((train, skill), (val, other))
            ],
            remedies=self._remedies(signals, falling),
            severity=Severity.NOTE if falling else Severity.WARNING,
        )

    @staticmethod
    def _pair(signals: Signals) -> tuple[Curve, Curve] | None:
        """The most telling metric that both splits have."""
        for val in signals.telling_metrics:
            train = signals.curve("train", val.metric)
            if val.split != "train" and train is not None and not np.isnan(skill_of(val, signals.classes)):
                return train, val
        return None

    @staticmethod
    def _remedies(signals: Signals, falling: bool) -> tuple[Remedy, ...]:
        rates = [f"{name} ({number(rate)})" for name, rate in signals.keras.dropout]
        less = Remedy(
            action="less-regularisation",
            change=f"take out dropout: {', '.join(rates[:4])}"
            if rates
            else "take out dropout, weight decay and strong augmentation",
            why="both splits suffer alike, so there is no memorising to hold back",
            snippet="keras.layers.Dense(128, activation='relu', kernel_regularizer=None),",
        )
        longer = Remedy(
            action="train-longer",
            change=f"train {4 * signals.epochs} epochs instead of {signals.epochs}: the loss still falls",
            why="the cheapest cure of a level that is poor because the run was short",
            snippet=f"model.fit(..., epochs={4 * signals.epochs})",
        )
        rate = raise_learning_rate(signals, 3, "a network of enough capacity may only be too slow")
        return present(
            longer if falling else None, less, more_capacity(), None if falling else rate, overfit_one_batch()
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "accuracy 0.35 of ten classes on both splits",
            {
                "loss": decay(40, 2.3, 1.7, 0.4, 0.004),
                "val_loss": decay(40, 2.3, 1.75, 0.4, 0.004, 1),
                "accuracy": decay(40, 0.1, 0.36, 0.4, 0.01),
                "val_accuracy": decay(40, 0.1, 0.35, 0.4, 0.01, 1),
            },
        )
        yield Example(
            "R2 of 0.2 on both splits",
            {
                "loss": decay(30, 1.0, 0.8, 0.3, 0.004),
                "val_loss": decay(30, 1.0, 0.82, 0.3, 0.004, 1),
                "r2_score": decay(30, -0.02, 0.2, 0.3),
                "val_r2_score": decay(30, -0.02, 0.18, 0.3),
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "converged at a good level",
            {
                "loss": decay(40, 2.3, 0.2, 0.2, 0.02),
                "val_loss": decay(40, 2.3, 0.3, 0.2, 0.02, 1),
                "accuracy": decay(40, 0.1, 0.95, 0.2, 0.005),
                "val_accuracy": decay(40, 0.1, 0.92, 0.2, 0.005),
            },
        )
        yield Example(
            "validation poor, training good: a gap",
            {
                "loss": decay(40, 2.3, 0.1, 0.2),
                "val_loss": decay(40, 2.3, 1.9, 0.2),
                "accuracy": decay(40, 0.1, 0.97, 0.2),
                "val_accuracy": decay(40, 0.1, 0.3, 0.2),
            },
        )
        yield Example(
            "stuck at chance: nothing moved",
            {
                "loss": line(40, 2.303, 2.302),
                "val_loss": line(40, 2.303, 2.303),
                "accuracy": line(40, 0.1, 0.101, 0.03),
                "val_accuracy": [0.1] * 40,
            },
        )
        yield Example(
            "losses alone: no level is known",
            {"loss": decay(40, 2.3, 1.7, 0.4), "val_loss": decay(40, 2.3, 1.75, 0.4)},
        )


def _course(curve: Curve) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    value = as_fraction(curve).value
    return smooth(value[np.isfinite(value)])


def _end(curve: Curve) -> float:
    return float(np.median(_course(curve)[-3:]))


def _moved(curve: Curve) -> bool:
    """Whether the metric rose visibly: what never moved is stuck, not underfitted."""
    course = _course(curve)
    return bool(course[-1] - course[0] > 0.05)
