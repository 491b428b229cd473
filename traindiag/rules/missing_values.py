from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.broken_batch import broken_batch
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.impossible import impossible_values
from traindiag.analysis.level import as_fraction
from traindiag.analysis.signals import Signals, is_batch
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Severity
from traindiag.model.names import LEARNING_RATE, is_loss
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import check_data, number


class MissingValues(Rule):
    """Values are missing, frozen at one number, exactly zero, or outside what their metric can be.

    ## Why it matters
    A metric that cannot be what it says, or never changes, is computed from the wrong thing. Whatever is
    judged by it is judged wrongly.

    ## Evidence
    Unclean data (a warning): a recorder that was asked for `nan-batch` saw NaN or infinity in the arrays of a
    batch; a ReLU can hide them from the loss. Impossible (a warning): an accuracy, AUC or F1 outside 0..1 that
    is no percentage, a cross-entropy below zero. Exactly zero: a loss of 0.0 in five epochs or more, a warning
    when the accuracy beside it is not perfect. Constant: another metric that has one value in all epochs. Gaps:
    epochs between the first and the last that have no value, beyond the usual interval of logging.

    ## Remedies
    Compute the metric by hand on one batch; check label encoding and the order of arguments.

    ## When to ignore
    Metrics of classes that are absent are constant by right.

    ## References
    Keras, `keras.losses.BinaryCrossentropy` (targets between 0 and 1; others give negative values).
    """

    code = "TD404"
    name = "missing-values"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 1

    zeros: int = option(5, "epochs with a loss of exactly zero", "one zero may be a rounded value")
    constant: int = option(5, "a metric with one value in at least this many epochs is constant",
                           "the window of a trend, see docs/trends.md")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        unclean = self._unclean(signals)
        if unclean is not None:
            yield unclean
        for curve in signals.curves:
            if not is_batch(curve) and curve.metric != LEARNING_RATE:
                found = (
                    self._impossible(signals, curve) or self._zero(signals, curve) or self._constant(curve)
                )
                if found is not None:
                    yield found
        for loss in (signals.train, signals.val):
            gap = None if loss is None else self._gaps(loss)
            if gap is not None:
                yield gap
                return

    def _unclean(self, signals: Signals) -> Finding | None:
        batch = broken_batch(signals.params)
        if batch is None or not batch.unclean:
            return None
        count = sum(batch.unclean.values())
        return self.finding(
            f"{', '.join(batch.unclean)} holds values that are no numbers: {batch.where}",
            confidence=confidence(1 + count),
            evidence=[
                Evidence(
                    series=f"data/{name}",
                    epochs=(batch.epoch, batch.epoch),
                    observed=float(found),
                    threshold=0.0,
                    note="NaN and infinity in one batch",
                )
                for name, found in batch.unclean.items()
            ],
            remedies=(
                check_data(
                    "leave those samples out, or fill in what is missing, before they are trained on",
                    "one such value makes NaN of every weight it reaches",
                    "def finite(array):\n    return np.isfinite(array).reshape(len(array), -1).all(axis=1)\n\n"
                    "good = finite(x) & finite(y)\nx, y = x[good], y[good]",
                ),
            ),
            severity=Severity.WARNING,
        )

    def _impossible(self, signals: Signals, curve: Curve) -> Finding | None:
        found = impossible_values(curve, self._entropy(signals, curve))
        if found is None:
            return None
        places, why, limit = found
        worst = float(curve.value[places][np.argmax(np.abs(curve.value[places] - limit))])
        return self.finding(
            f"{curve.split} {curve.metric} is {number(worst)} at epoch {int(curve.epoch[places[0]])}: {why}",
            confidence=confidence(1 + len(places)),
            evidence=[self._evidence(curve, places, worst, limit, "value")],
            remedies=(
                check_data(
                    f"compute {curve.metric} by hand on one batch and check labels, their encoding and the order of "
                    "arguments (y_true first)",
                    why,
                    "print(np.min(y), np.max(y), np.unique(y)[:20])\nprint(model.predict(x[:5], verbose=0))",
                ),
            ),
            severity=Severity.WARNING,
        )

    @staticmethod
    def _entropy(signals: Signals, curve: Curve) -> bool:
        """Whether the curve is a cross-entropy: by its name, or by the loss the model was compiled with."""
        heads = signals.keras.heads
        named = "crossentropy" in curve.metric.lower().replace("_", "")
        compiled = len(heads) == 1 and (heads[0].loss or "").endswith("crossentropy")
        return named or (curve.metric == "loss" and compiled)

    def _zero(self, signals: Signals, curve: Curve) -> Finding | None:
        places = np.flatnonzero(curve.value == 0)
        if not is_loss(curve.metric) or len(places) < self.zeros:
            return None
        accuracy = signals.accuracy(curve.split)
        value = np.empty(0) if accuracy is None else as_fraction(accuracy).value
        contradicted = len(value) > 0 and float(np.nanmedian(value[-5:])) < 0.99
        beside = (
            f", although {accuracy.metric} is {number(float(value[-1]))}" if contradicted and accuracy else ""
        )
        return self.finding(
            f"{curve.split} {curve.metric} is exactly zero in {len(places)} epochs{beside}",
            confidence=confidence(ratio(len(places), self.zeros) + contradicted),
            evidence=[
                self._evidence(curve, places, float(len(places)), float(self.zeros), "epochs at exactly zero")
            ],
            remedies=(
                check_data(
                    "look whether a mask or sample weight is zero everywhere, or half precision rounds it to zero",
                    "a loss of exactly zero has no gradient",
                    "print(keras.config.dtype_policy(), model.evaluate(x[:32], y[:32], verbose=0))",
                ),
            ),
            severity=Severity.WARNING if contradicted else Severity.NOTE,
        )

    def _constant(self, curve: Curve) -> Finding | None:
        value = curve.value[np.isfinite(curve.value)]
        if len(value) < self.constant or np.ptp(value) > 0 or is_loss(curve.metric):
            return None
        # A metric at its best for good (accuracy 1.0), and what is no metric at all, may well be constant.
        if curve.mode is None or (curve.mode == "max" and value[0] in (1.0, 100.0)):
            return None
        return self.finding(
            f"{curve.split} {curve.metric} is {number(float(value[0]))} in all {len(value)} epochs",
            confidence=confidence(ratio(len(value), self.constant)),
            evidence=[
                self._evidence(
                    curve,
                    np.arange(len(curve)),
                    float(len(value)),
                    float(self.constant),
                    "epochs at one value",
                )
            ],
            remedies=(
                check_data(
                    f"compute {curve.metric} by hand on one batch: it may get labels of another form than it expects",
                    "a metric that never changes measures nothing",
                    "print(np.unique(y)[:20], model.predict(x[:5], verbose=0))",
                ),
            ),
        )

    def _gaps(self, curve: Curve) -> Finding | None:
        if curve.axis != "epoch" or len(curve) < 5:
            return None
        steps = np.diff(curve.epoch)
        usual = int(np.median(steps))
        missing = int(np.sum(np.maximum(steps // max(usual, 1) - 1, 0)))
        wide = np.flatnonzero(steps > usual)
        if missing == 0 or len(wide) > 0.25 * len(steps):
            return None
        first = int(wide[0])
        return self.finding(
            f"{curve.split} {curve.metric} lacks {missing} epoch{'s' if missing > 1 else ''}, the first after epoch "
            f"{int(curve.epoch[first])}",
            confidence=confidence(1 + missing),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[first]), int(curve.epoch[first + 1])),
                    observed=float(missing),
                    threshold=0.0,
                    note="epochs without a value",
                )
            ],
        )

    @staticmethod
    def _evidence(
        curve: Curve,
        places: np.ndarray[tuple[int], np.dtype[np.intp]],
        observed: float,
        threshold: float,
        note: str,
    ) -> Evidence:
        epochs = (int(curve.epoch[places[0]]), int(curve.epoch[places[-1]]))
        return Evidence(series=curve.series, epochs=epochs, observed=observed, threshold=threshold, note=note)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.01)
        yield Example("accuracy above one", {"loss": fall, "accuracy": decay(40, 0.3, 1.4)})
        yield Example(
            "cross-entropy below zero",
            {"loss": line(30, 0.5, -12.0), "binary_crossentropy": line(30, 0.5, -12.0)},
        )
        yield Example(
            "exactly zero", {"loss": decay(20, 2.3, 0.3) + [0.0] * 20, "accuracy": [0.4] * 39 + [0.41]}
        )
        yield Example("a constant AUC", {"loss": fall, "val_auc": [0.5] * 40})
        yield Example(
            "NaN in a recorded batch that a ReLU hid from the loss",
            {"loss": fall},
            params={
                "bad_batch": {
                    "epoch": 0,
                    "batch": 10,
                    "loss_finite": True,
                    "arrays": {"x": {"nan": 12, "inf": 0}},
                }
            },
        )
        yield Example("a gap of ten epochs", {"loss": fall}, epochs=[*range(20), *range(30, 50)])

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3, 0.1, 0.01)
        yield Example(
            "healthy, accuracy in percent",
            {
                "loss": fall,
                "val_loss": fall,
                "accuracy": decay(40, 10.0, 97.0),
                "val_accuracy": decay(40, 10.0, 95.0),
            },
        )
        yield Example("perfect accuracy", {"loss": fall, "val_loss": fall, "accuracy": [1.0] * 40})
        yield Example("a negative log-likelihood below zero", {"loss": line(30, 2.0, -3.0, 0.01)})
        yield Example(
            "validation every fifth epoch",
            {"loss": fall[:20], "val_loss": fall[:20]},
            epochs=list(range(4, 104, 5)),
        )
