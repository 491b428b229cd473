from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.half_epoch import paired_at_epoch_end
from traindiag.analysis.level import skill_of
from traindiag.analysis.mismatch import ENOUGH, early_ratio, never_answered
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, valley
from traindiag.rules.remedies import check_data, number


class ValMismatch(Rule):
    """Validation is far worse than training from the first epochs on and does not follow: the data differ.

    ## Why it matters
    In the first epochs there is nothing to memorise yet, so on data of one kind the two losses lie close
    together. A gap that is there at once comes from the data: another distribution, another preprocessing
    (unscaled pixels, other channels), another order of the labels.

    ## Evidence
    The validation loss is half as large again as the training loss, or more, already in the first epochs,
    half an epoch's shift taken out, and stays so; it keeps most of its own start while the training loss loses
    most of its own. Each loss is only held against itself, so that terms counted in one of them do not matter.
    Accuracies, where logged, must agree. A warning when validation gained hardly anything.

    ## Remedies
    Run one preprocessing over both sets; compare means and label counts of the two; validate on a part held
    back from the training data to see which set is the odd one.

    ## When to ignore
    When the shift is the point: validation on another camera, year or hospital.

    ## References
    Google, Rules of Machine Learning, rule 37 (measure training/serving skew). Quionero-Candela and others,
    Dataset Shift in Machine Learning, 2009.
    """

    code = "TD301"
    name = "val-mismatch"
    needs: ClassVar[tuple[str, ...]] = ("train/loss", "val/loss")
    min_epochs = ENOUGH

    early_ratio: float = option(1.5, "validation over training loss in the first epochs",
                                "after one pass healthy runs lie within a few percent of each other")  # fmt: skip
    follows: float = option(0.3, "relative fall of validation, as a fraction of training's",
                            "validation of the same kind follows until it overfits")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        train, val = signals.train_shape, signals.val_shape
        if train is None or val is None or signals.train is None or signals.val is None or signals.resumed:
            return
        if not (train.positive and val.positive) or signals.train.mode == "max":
            return
        epochs, learned, judged = paired_at_epoch_end(signals.train, signals.val)
        if len(epochs) < self.min_epochs:
            return
        early = early_ratio(signals)
        late = float(np.median(judged[-3:] / learned[-3:]))
        fall, followed = 1 - train.best / train.start, 1 - val.best / val.start
        # `overfitting` leaves these runs to this rule, so it must speak of each of them.
        never = never_answered(signals)
        if not never and not (fall >= 0.3 and early >= self.early_ratio and late >= early):
            return
        if not never and (followed > self.follows * fall or not self._accuracies_agree(signals)):
            return
        hardly = never or followed < 0.5 * self.follows * fall
        sure = confidence(
            ratio(early, self.early_ratio), ratio(self.follows * fall, max(followed, 0.01)), sharpness=0.8
        )
        yield self.finding(
            f"the validation loss is {early:.1f} times the training loss from the start "
            f"and fell by {max(followed, 0.0):.0%} while training fell by {fall:.0%}: the two sets differ",
            confidence=sure,
            evidence=[
                Evidence(
                    series=val.series,
                    epochs=(int(epochs[0]), int(epochs[2])),
                    observed=early,
                    threshold=self.early_ratio,
                    note="validation over training loss in the first epochs",
                ),
                Evidence(
                    series=val.series,
                    epochs=(val.first_epoch, val.best_epoch),
                    observed=followed / fall,
                    threshold=self.follows,
                    note="relative fall, as a fraction of training's",
                ),
            ],
            remedies=(
                check_data(
                    "pass both sets through the same preprocessing and compare their means, spreads and label counts",
                    f"at epoch {int(epochs[0])} nothing is memorised yet: a factor of {number(early)} is in the data",
                    "print(np.mean(x), np.std(x), np.unique(y, return_counts=True))\n"
                    "print(np.mean(x_val), np.std(x_val), np.unique(y_val, return_counts=True))",
                ),
                check_data(
                    "hold back a random fifth of the training data and validate on it: if that gap is small, the "
                    "validation set is the odd one",
                    "a random part of one set is of one kind",
                    "order = np.random.permutation(len(x))\n"
                    "model.fit(x[order], y[order], validation_split=0.2, epochs=3)",
                ),
            ),
            severity=Severity.WARNING if hardly else Severity.NOTE,
        )

    @staticmethod
    def _accuracies_agree(signals: Signals) -> bool:
        """Without accuracies the losses decide; with them, validation must have less than half the skill."""
        train, val = signals.accuracy("train"), signals.accuracy("val")
        if train is None or val is None:
            return True
        skill, other = skill_of(train, signals.classes), skill_of(val, signals.classes)
        return bool(np.isnan(skill) or np.isnan(other) or other < 0.5 * skill)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "validation images not scaled",
            {"loss": decay(30, 1.4, 0.1, 0.15, 0.01), "val_loss": line(30, 4.1, 4.0, 0.02, 1)},
        )
        yield Example(
            "validation inverted: its loss only rises, its accuracy stays at nothing",
            {
                "loss": decay(30, 1.6, 0.1, 0.15, 0.01),
                "val_loss": line(30, 3.6, 9.0, 0.02, 1),
                "accuracy": decay(30, 0.4, 0.97, 0.15),
                "val_accuracy": line(30, 0.02, 0.0, 0.002),
            },
        )
        yield Example(
            "labels of validation in another order",
            {
                "loss": decay(30, 1.6, 0.1, 0.15, 0.01),
                "val_loss": line(30, 3.2, 3.15, 0.02, 1),
                "accuracy": decay(30, 0.4, 0.97, 0.15),
                "val_accuracy": line(30, 0.1, 0.12, 0.02),
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "healthy, with the usual gap",
            {"loss": decay(40, 2.3, 0.25, 0.12, 0.01), "val_loss": decay(40, 2.3, 0.35, 0.12, 0.02, 1)},
        )
        yield Example(
            "batch normalisation: validation starts late",
            {"loss": decay(40, 1.6, 0.2, 0.2), "val_loss": [6.0, 4.0, *decay(38, 2.0, 0.4, 0.2)]},
        )
        yield Example(
            "validation summed, training averaged: another scale, the same course",
            {"loss": decay(40, 2.3, 0.25, 0.12, 0.01), "val_loss": decay(40, 230.0, 30.0, 0.12, 0.02, 1)},
        )
        yield Example(
            "overfitting after a common start",
            {"loss": decay(60, 2.3, 0.02), "val_loss": valley(60, 2.3, 0.8, 1.6, 15)},
        )
