from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import as_fraction
from traindiag.analysis.noise import point_noise
from traindiag.analysis.signals import Signals
from traindiag.analysis.smoothing import smooth
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, valley
from traindiag.rules.remedies import number


class Overconfident(Rule):
    """The validation loss rises while validation accuracy still improves: the network grows too sure of itself.

    ## Why it matters
    The loss punishes a wrong answer by how sure it was; the accuracy does not. When they part, the decisions
    still get better and the probabilities get worse. Stopping at the best loss would throw away accuracy.

    ## Evidence
    The validation loss lies above its best by more than three times its noise and by a twentieth of what it
    gained, and the validation accuracy is higher now than it was at that best, by a hundredth and by more
    than its own noise.

    ## Remedies
    Monitor the metric you ship. If probabilities matter: label smoothing, or a temperature fitted on the
    validation set.

    ## When to ignore
    When only the ranking of answers counts.

    ## References
    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017.
    """

    code = "TD304"
    name = "overconfident"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ("val/loss", "accuracy")
    min_epochs = 10

    rise: float = option(0.05, "rise of the validation loss above its best, as a fraction of its gain",
                         "the rise that docs/trends.md calls one")  # fmt: skip
    gain: float = option(0.01, "gain of the validation accuracy since then", "one point in a hundred")

    def judge(self, signals: Signals) -> Iterator[Finding]:
        val, curve = signals.val_shape, signals.accuracy("val")
        if val is None or curve is None or signals.val is None or signals.val.mode == "max":
            return
        if val.rise < max(self.rise * val.gain, 3 * val.noise) or len(val) - val.best_index < 5:
            return
        then, now, noise = _levels(curve, val.best_epoch)
        won = now - then
        if np.isnan(won) or won < max(self.gain, 2 * noise):
            return
        confident = confidence(
            ratio(val.rise, max(self.rise * val.gain, 3 * val.noise)), ratio(won, max(self.gain, 2 * noise))
        )
        yield self.finding(
            f"since epoch {val.best_epoch} the validation loss rose from {number(val.best)} to {number(val.end)} while "
            f"{curve.metric} rose from {number(then)} to {number(now)}: right more often, and too sure when wrong",
            confidence=confident,
            evidence=[
                Evidence(
                    series=val.series,
                    epochs=(val.best_epoch, val.last_epoch),
                    observed=val.rise / val.gain if val.gain > 0 else val.rise,
                    threshold=self.rise,
                    note="rise above its best, of its gain",
                ),
                Evidence(
                    series=curve.series,
                    epochs=(val.best_epoch, int(curve.epoch[-1])),
                    observed=won,
                    threshold=self.gain,
                    note="gain since the best loss",
                ),
            ],
            remedies=self._remedies(signals, curve),
        )

    @staticmethod
    def _remedies(signals: Signals, curve: Curve) -> tuple[Remedy, ...]:
        value = np.where(np.isfinite(curve.value), curve.value, -np.inf)
        best = int(np.argmax(value))
        monitor = f"val_{curve.metric}"
        stop = Remedy(
            action="monitor-the-metric",
            change=f"monitor {monitor}: its best epoch is {int(curve.epoch[best])} ({number(float(value[best]))})",
            why="the best loss came earlier and has fewer right answers",
            snippet=f"early_stopping = keras.callbacks.EarlyStopping(monitor={monitor!r}, mode='max', patience=10, "
            "restore_best_weights=True)\nmodel.fit(..., callbacks=[early_stopping])",
        )
        loss = "CategoricalCrossentropy(label_smoothing=0.1)"
        classes = signals.classes
        if classes == 2:
            loss = "BinaryCrossentropy(label_smoothing=0.1)"
        smoothing = Remedy(
            action="calibrate",
            change="smooth the labels by 0.1, or divide the logits by a temperature fitted on the validation set",
            why="both take back confidence that the right answers do not earn",
            snippet=f"loss = keras.losses.{loss}",
        )
        return (stop, smoothing)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "loss turns at epoch 15, accuracy goes on",
            {
                "loss": decay(60, 2.3, 0.02, 0.1, 0.02),
                "val_loss": valley(60, 2.3, 0.8, 1.3, 15, 0.01, 1),
                "val_accuracy": decay(60, 0.3, 0.86, 0.06, 0.003),
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "plain overfitting: both get worse",
            {
                "loss": decay(60, 2.3, 0.02, 0.1, 0.02),
                "val_loss": valley(60, 2.3, 0.8, 1.3, 15, 0.01, 1),
                "val_accuracy": decay(15, 0.3, 0.72, 0.3) + line(45, 0.72, 0.66, 0.003),
            },
        )
        yield Example(
            "healthy: both improve",
            {
                "loss": decay(60, 2.3, 0.2, 0.1, 0.01),
                "val_loss": decay(60, 2.3, 0.4, 0.1, 0.01, 1),
                "val_accuracy": decay(60, 0.3, 0.86, 0.06, 0.003),
            },
        )


def _levels(curve: Curve, epoch: int) -> tuple[float, float, float]:
    """The smooth accuracy at `epoch` and at the end, and the noise of one point."""
    curve = as_fraction(curve)
    finite = np.isfinite(curve.value)
    value, epochs = curve.value[finite], curve.epoch[finite]
    if len(value) < 8:
        return float("nan"), float("nan"), 0.0
    course = smooth(value)
    index = min(int(np.searchsorted(epochs, epoch)), len(course) - 1)
    return float(course[index]), float(np.median(course[-3:])), point_noise(value)
