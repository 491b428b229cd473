from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Remedy, Severity, Status
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line, valley


class Learning(Rule):
    """The loss is still falling: keep training.

    ## Why it matters
    A run stopped here leaves performance on the table. Nothing in it is ill.

    ## Evidence
    The validation loss (or, without one, the training loss) falls over the last third of the run by more
    than noise and by at least 2 % of what it gained in all.

    ## Remedies
    More epochs; let EarlyStopping choose the end.

    ## When to ignore
    When the budget is spent and the level is good enough.

    ## References
    Goodfellow, Bengio and Courville, Deep Learning, 2016, section 5.2 (capacity, under- and overfitting).
    """

    code = "TD001"
    name = "learning"
    severity = Severity.NOTE
    status: ClassVar[Status] = "healthy"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading = signals.reading
        if reading is None or reading.cell != "learning":
            return
        yield self.finding(
            f"{reading.reason}: keep training",
            confidence=reading.confidence,
            evidence=reading.evidence,
            remedies=(
                Remedy(
                    action="train-longer",
                    change=f"train beyond the {signals.epochs} epochs of this run and let EarlyStopping choose the end",
                    why="the curve had not levelled off when the run ended",
                    snippet="early_stopping = keras.callbacks.EarlyStopping(monitor='val_loss', patience=10, "
                    "restore_best_weights=True)\nmodel.fit(..., epochs="
                    f"{4 * max(signals.epochs, 5)}, callbacks=[early_stopping])",
                ),
            ),
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example("both fall", {"loss": decay(20, 2.3, 0.2, 0.08), "val_loss": decay(20, 2.3, 0.3, 0.08)})
        yield Example(
            "straight fall of ten epochs", {"loss": line(10, 3.0, 2.1), "val_loss": line(10, 3.0, 2.2)}
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("converged", {"loss": decay(80, 2.3, 0.2, 0.2), "val_loss": decay(80, 2.3, 0.3, 0.2)})
        yield Example(
            "overfitting", {"loss": decay(60, 2.3, 0.02), "val_loss": valley(60, 2.3, 0.8, 1.6, 15)}
        )
