from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity, Status
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line


class Converged(Rule):
    """The losses levelled off at a good level: the run is done.

    ## Why it matters
    This is what a healthy run looks like at its end. What more training could win is less than its noise.

    ## Evidence
    No trend beyond noise at the end, and evidence of a good level: an accuracy far above chance, or a loss
    that came down to half of its start or less. The message says which.

    ## Remedies
    None needed. To go further, change the data or the model, not the number of epochs.

    ## When to ignore
    When you know of a better level than the log can show.

    ## References
    Prechelt, Early Stopping - But When?, 1998.
    """

    code = "TD002"
    name = "converged"
    severity = Severity.NOTE
    status: ClassVar[Status] = "healthy"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading = signals.reading
        if reading is None or reading.cell != "converged":
            return
        yield self.finding(reading.reason, confidence=reading.confidence, evidence=reading.evidence)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "levelled off at a tenth of the start",
            {"loss": decay(80, 2.3, 0.2, 0.2, 0.01), "val_loss": decay(80, 2.3, 0.3, 0.2, 0.01, 1)},
        )
        yield Example(
            "fine-tuned",
            {
                "loss": line(30, 0.21, 0.208, 0.01),
                "val_loss": line(30, 0.25, 0.25, 0.01, 1),
                "val_accuracy": line(30, 0.92, 0.921, 0.002, 1),
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "still falling", {"loss": decay(20, 2.3, 0.2, 0.08), "val_loss": decay(20, 2.3, 0.3, 0.08)}
        )
        yield Example(
            "flat without evidence of its level",
            {"loss": line(30, 0.21, 0.208, 0.01), "val_loss": line(30, 0.25, 0.25, 0.01, 1)},
        )
