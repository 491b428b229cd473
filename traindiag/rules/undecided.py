from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Remedy, Severity, Status
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line


class Undecided(Rule):
    """The log does not hold the evidence for a verdict.

    ## Why it matters
    "Nothing known" is not "healthy". A flat loss can be a finished run or a dead one, and without an accuracy
    or a visible fall nobody can tell which.

    ## Evidence
    What is missing, named in the message.

    ## Remedies
    Log a metric whose chance level is known (accuracy, AUC, R2), and the run from its first epoch.

    ## When to ignore
    When you know the level of your loss.

    ## References
    docs/trends.md, "what the numbers do not mean".
    """

    code = "TD003"
    name = "undecided"
    severity = Severity.NOTE
    status: ClassVar[Status] = "unjudged"
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0

    def judge(self, signals: Signals) -> Iterator[Finding]:
        if signals.train is None and signals.val is None:
            metrics = sorted({curve.metric for curve in signals.curves})
            there = (
                f"only {', '.join(metrics[:4])}{' ...' if len(metrics) > 4 else ''}"
                if metrics
                else "no metric at all"
            )
            yield self.finding(f"no loss in this log, {there}", confidence=0.99)
            return
        reading = signals.reading
        if reading is None or reading.cell != "undecided":
            return
        yield self.finding(
            reading.reason,
            confidence=reading.confidence,
            evidence=reading.evidence,
            remedies=(
                Remedy(
                    action="log-a-metric",
                    change="log a metric whose chance level is known: accuracy, AUC, R2Score",
                    why="the unit of a loss is its own; only such a metric tells a good level from a poor one",
                    snippet="model.compile(optimizer=model.optimizer, loss=model.loss, metrics=['accuracy'])",
                ),
            ),
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "flat without evidence of its level",
            {"loss": line(30, 0.21, 0.208, 0.01), "val_loss": line(30, 0.25, 0.25, 0.01, 1)},
        )
        yield Example("no loss", {"val_accuracy": decay(30, 0.1, 0.8)})

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("learning", {"loss": decay(20, 2.3, 0.2), "val_loss": decay(20, 2.3, 0.3)})
        yield Example("converged", {"loss": decay(80, 2.3, 0.2, 0.2), "val_loss": decay(80, 2.3, 0.3, 0.2)})
