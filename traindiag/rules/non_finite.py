from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.broken_batch import BrokenBatch, broken_batch
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, with_values
from traindiag.rules.remedies import check_data, clip_gradients, lower_learning_rate, number, present


class NonFinite(Rule):
    """A loss became NaN or infinite: from that epoch on nothing was learned.

    ## Why it matters
    A single NaN spreads through the weights with the next update and never leaves them. Everything the log
    shows after it is noise, and every hour after it is wasted.

    ## Evidence
    The first epoch whose loss is NaN or infinite, how many follow, and what the loss did just before: a loss
    that had been rising points at the learning rate, one that was falling at a single bad batch or an
    operation such as log(0). Where the recorder was asked for `nan-batch`, the batch that broke, and whether its
    arrays held NaN, infinity or huge values.

    ## Remedies
    Lower the learning rate when the loss rose before; else look for NaN or infinity in inputs and labels and
    for log, sqrt or division of zero in the loss; clip gradients; stop at once with TerminateOnNaN.

    ## When to ignore
    Never for the loss of a run you want to keep. Metrics that are NaN by definition (the recall of a class
    that is absent) are not losses and are not judged.

    ## References
    Keras, `keras.callbacks.TerminateOnNaN`. Goodfellow, Bengio and Courville, Deep Learning, 2016, section
    10.11.1 (clipping).
    """

    code = "TD201"
    name = "non-finite"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ("loss",)
    min_epochs = 1

    def judge(self, signals: Signals) -> Iterator[Finding]:
        curves = [curve for curve in (signals.train, signals.val) if curve is not None]
        bad = [(curve, np.flatnonzero(~np.isfinite(curve.value))) for curve in curves]
        bad = [(curve, places) for curve, places in bad if len(places)]
        if not bad:
            return
        curve, places = min(bad, key=lambda pair: int(pair[0].epoch[pair[1][0]]))
        first = int(places[0])
        rose = _rose_before(curve, first)
        what = "NaN" if np.isnan(curve.value[first]) else "infinite"
        name = "training" if curve.split == "train" else "validation"
        before = (
            "from the first epoch on"
            if first == 0
            else f"after it had {'risen to' if rose else 'reached'} {number(float(curve.value[first - 1]))}"
        )
        batch = broken_batch(signals.params)
        told = "" if batch is None else f"; {batch.where}"
        yield self.finding(
            f"the {name} loss is {what} at epoch {int(curve.epoch[first])}, {before}{told}",
            confidence=0.99,
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[places[0]]), int(curve.epoch[places[-1]])),
                    observed=float(len(places)),
                    threshold=0.0,
                    note="epochs without a finite value",
                )
                for curve, places in bad
            ],
            remedies=self._remedies(signals, rose or first == 0, batch),
        )

    @staticmethod
    def _remedies(signals: Signals, rose: bool, batch: BrokenBatch | None) -> tuple[Remedy, ...]:
        lower = lower_learning_rate(
            signals,
            10,
            "the steps grew until a weight overflowed" if rose else "smaller steps overflow later, if at all",
        )
        data = check_data(
            "look for NaN, infinity and huge values in inputs and labels, and for log(0) or 0/0 in the loss",
            "the loss was still falling: one batch or one operation is at fault, not the step size"
            if not rose
            else "a single such value is enough, at any learning rate",
            "assert np.isfinite(x).all() and np.isfinite(y).all()\n"
            "model.fit(..., callbacks=[keras.callbacks.TerminateOnNaN()])",
        )
        if batch is not None and batch.unclean:
            # Seen, not guessed: no learning rate helps against NaN in the data.
            unclean = check_data(
                f"clean {', '.join(batch.unclean)}: {batch.where}",
                "one such value makes every weight NaN, at any learning rate",
                "def finite(array):\n    return np.isfinite(array).reshape(len(array), -1).all(axis=1)\n\n"
                "good = finite(x) & finite(y)\nx, y = x[good], y[good]",
            )
            return present(unclean, clip_gradients())
        return present(*((lower, clip_gradients(), data) if rose else (data, clip_gradients(), lower)))

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3)
        nan = float("nan")
        yield Example(
            "NaN from epoch 20 on", {"loss": fall[:20] + [nan] * 20, "val_loss": fall[:20] + [nan] * 20}
        )
        yield Example("infinite once", {"loss": with_values(fall, {11: float("inf")}), "val_loss": fall})

        yield Example(
            "a recorded batch with NaN in its labels",
            {"loss": fall[:3] + [nan] * 5},
            params={
                "bad_batch": {
                    "epoch": 3,
                    "batch": 17,
                    "arrays": {
                        "x": {"min": -3.0, "max": 3.0, "mean": 0.0, "nan": 0, "inf": 0},
                        "y": {"min": 0.0, "max": 1.0, "mean": 0.5, "nan": 2, "inf": 0},
                    },
                }
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(40, 2.3, 0.3)
        yield Example("finite run", {"loss": fall, "val_loss": fall})
        yield Example(
            "a class absent from validation: its recall is NaN",
            {"loss": fall, "recall_3": [float("nan")] * 40},
        )


def _rose_before(curve: Curve, first: int) -> bool:
    """Whether the loss was above its best by half of its gain just before it broke."""
    before = curve.value[:first]
    before = before[np.isfinite(before)]
    if len(before) < 2:
        return False
    best = float(before.min())
    return bool(before[-1] > best + 0.5 * max(float(before[0]) - best, abs(best) * 0.1))
