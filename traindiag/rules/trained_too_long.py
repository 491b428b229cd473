from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.cells.overfitting import flat_since
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.finding import Evidence, Finding, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, valley
from traindiag.rules.remedies import early_stopping, present


class TrainedTooLong(Rule):
    """The best epoch is long past: what came after it won nothing.

    ## Why it matters
    Those epochs cost time, money and energy. Where the loss rose again, they also cost the model.

    ## Evidence
    The validation loss came within its noise, or 1 % of its gain, of its best level at some epoch, and half
    of the run or more, at least 20 epochs, came after it. Hours are those of the log's wall times. A warning
    when the loss has risen well above that level since.

    ## Remedies
    EarlyStopping with a patience that this run's own curve needs, and the best weights kept.

    ## When to ignore
    When a later change (a drop of the learning rate, a thaw of layers) was expected to help; when the run
    was meant to show that it had converged.

    ## References
    Prechelt, Early Stopping - But When?, 1998. Strubell, Ganesh and McCallum, Energy and Policy
    Considerations for Deep Learning in NLP, 2019.
    """

    code = "TD305"
    name = "trained-too-long"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ("val/loss",)
    min_epochs = 30

    share: float = option(
        0.5, "share of the run after the best level was reached", "no patience in use is this long"
    )
    epochs: int = option(20, "and at least this many epochs", "twice the usual patience of 10")
    worse: float = option(0.15, "rise since, as a fraction of the gain, that makes it a warning",
                          "three times what docs/trends.md calls a rise")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        val = signals.val_shape
        if val is None or signals.val is None or signals.val.axis != "epoch" or val.gain <= 4 * val.noise:
            return
        reached = int(val.epoch[flat_since(val)])
        after, run = val.last_epoch - reached, val.last_epoch - val.first_epoch + 1
        if after < max(self.epochs, self.share * run):
            return
        worse = val.rise > max(self.worse * val.gain, 3 * val.noise)
        hours = _seconds_after(signals, reached)
        cost = f" and {_duration(hours)}" if hours is not None else ""
        end = (
            f"the loss has since risen from {val.best:.4g} to {val.end:.4g}"
            if worse
            else "they won no more than its noise"
        )
        yield self.finding(
            f"the best validation level was reached by epoch {reached}; {after} epochs{cost} came after it, and {end}",
            confidence=confidence(ratio(after, max(self.epochs, self.share * run)), sharpness=2.0),
            evidence=self._evidence(val, reached, after, run),
            remedies=present(early_stopping(signals)),
            severity=Severity.WARNING if worse else Severity.NOTE,
        )

    def _evidence(self, val: Shape, reached: int, after: int, run: int) -> list[Evidence]:
        return [
            Evidence(
                series=val.series,
                epochs=(reached, val.last_epoch),
                observed=after / run,
                threshold=self.share,
                note="share of the run after its best level",
            ),
            Evidence(
                series=val.series,
                epochs=(reached, val.last_epoch),
                observed=val.rise / val.gain,
                threshold=self.worse,
                note="rise above its best, of its gain",
            ),
        ]

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "overfitting for three quarters of the run",
            {"loss": decay(60, 2.3, 0.02, 0.1, 0.02), "val_loss": valley(60, 2.3, 0.8, 1.6, 15, 0.02, 1)},
            seconds=[90.0] * 60,
        )
        yield Example(
            "flat for most of the run",
            {"loss": decay(120, 2.3, 0.2, 0.2, 0.01), "val_loss": decay(120, 2.3, 0.3, 0.2, 0.02, 1)},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "ended by EarlyStopping",
            {
                "loss": decay(40, 2.0, 0.35, 0.12, 0.01),
                "val_loss": valley(40, 2.0, 0.5, 0.55, 30, 0.01, 2),
            },
        )
        yield Example(
            "still improving", {"loss": decay(60, 2.3, 0.2, 0.03), "val_loss": decay(60, 2.3, 0.3, 0.03)}
        )


def _seconds_after(signals: Signals, epoch: int) -> float | None:
    """What the epochs after `epoch` took, from the log's own times."""
    times = epoch_seconds(signals)
    if times is None:
        return None
    epochs, seconds = times
    late = seconds[epochs > epoch]
    return float(np.sum(late)) if len(late) else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
