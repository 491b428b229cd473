from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.mismatch import never_answered
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line, valley, with_values
from traindiag.rules.remedies import augment, early_stopping, present, regularise, smaller_model


class Overfitting(Rule):
    """Training goes on learning what validation has no use for: regularise, pool, and stop at the best epoch.

    ## Why it matters
    From the best epoch on, the network memorises its training samples. The model that is left at the end is
    worse, and dearer, than the one it passed on the way.

    ## Evidence
    Error: the validation loss lies above its smoothed best by more than its noise, by more than any earlier
    rise that was made good, and by 3.5 % or more of what was gained (more, up to a fifth, when the best epoch
    is only a patience of EarlyStopping ago). Warning: validation gains nothing for ten epochs and a fifth of
    the run while training falls by another 15 % of its gain.

    ## Remedies
    Stop at the best epoch and keep its weights; dropout, weight decay; pooling or a narrower network; more or
    augmented data.

    ## When to ignore
    When the metric you ship still improves while the loss rises: then the network only grows overconfident.

    ## References
    Prechelt, Early Stopping - But When?, in Neural Networks: Tricks of the Trade, 1998. Goodfellow, Bengio
    and Courville, Deep Learning, 2016, section 7.8.
    """

    code = "TD101"
    name = "overfitting"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ("val/loss",)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading = signals.reading
        if reading is None or reading.cell not in ("overfitting", "overfitting-mild"):
            return
        if never_answered(signals):
            return  # `val-mismatch` speaks
        strong = reading.cell == "overfitting"
        stop, held = early_stopping(signals), regularise(signals, strong)
        ranked = (stop, held) if strong else (held, stop)
        yield self.finding(
            reading.reason,
            confidence=reading.confidence,
            evidence=reading.evidence,
            remedies=present(*ranked, smaller_model(), augment()),
            severity=Severity.ERROR if strong else Severity.WARNING,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "only a validation loss, that turns up", {"val_loss": valley(40, 2.0, 0.5, 1.4, 15, 0.01, 2)}
        )
        yield Example(
            "validation rises after epoch 15",
            {"loss": decay(60, 2.3, 0.02, 0.1, 0.02), "val_loss": valley(60, 2.3, 0.8, 1.6, 15, 0.02, 1)},
        )
        yield Example(
            "validation stays flat while training falls by half",
            {"loss": line(60, 2.0, 0.2, 0.01), "val_loss": decay(60, 2.0, 1.2, 0.3, 0.005, 1)},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        train = decay(40, 2.3, 0.25, 0.12, 0.01)
        val = decay(40, 2.3, 0.35, 0.12, 0.02, 1)
        yield Example("converged, with the usual gap", {"loss": train, "val_loss": val})
        stopped = valley(33, 2.0, 0.5, 0.55, 22, 0.01, 2)
        yield Example(
            "ended by EarlyStopping", {"loss": decay(33, 2.0, 0.35, 0.12, 0.01), "val_loss": stopped}
        )
        yield Example(
            "resumed near its best: validation gains nothing, training a little",
            {"loss": decay(40, 0.065, 0.035, 0.06), "val_loss": line(40, 0.212, 0.205, 0.001, 1)},
            first_epoch=50,
        )
        yield Example("one spiked last epoch", {"loss": train, "val_loss": with_values(val, {39: 0.9})})
        yield Example(
            "noisy but healthy",
            {"loss": decay(60, 2.3, 0.3, 0.1, 0.05), "val_loss": decay(60, 2.3, 0.4, 0.1, 0.12, 3)},
        )
