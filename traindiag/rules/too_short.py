from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity, Status
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay
from traindiag.rules.remedies import number


class TooShort(Rule):
    """Too few epochs to tell a trend from chance.

    ## Why it matters
    With three or four points every curve looks like something. A verdict on them would be a guess.

    ## Evidence
    The number of epochs with a value of the loss.

    ## Remedies
    Train longer, or log more often: batch-level or step-level losses can be judged too.

    ## When to ignore
    When the run was only meant to show that the script works.

    ## References
    Keras' own `EarlyStopping(start_from_epoch=...)` waits for the same reason.
    """

    code = "TD401"
    name = "too-short"
    severity = Severity.NOTE
    status: ClassVar[Status] = "unjudged"
    needs: ClassVar[tuple[str, ...]] = ("loss",)
    min_epochs = 0

    epochs: int = option(
        5, "fewest epochs on which a trend is judged", "a window of five points, see docs/trends.md"
    )

    def judge(self, signals: Signals) -> Iterator[Finding]:
        judged = signals.train_shape or signals.val_shape
        count = len(judged) if judged is not None else 0
        if count >= self.epochs:
            return
        yield self.finding(
            f"{count} epoch{'' if count == 1 else 's'} with a loss, fewer than the {number(self.epochs)} a trend needs",
            confidence=0.99,
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example("two epochs", {"loss": [2.3, 1.9], "val_loss": [2.2, 2.0]})
        yield Example("one epoch", {"loss": [2.3]})

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("six epochs", {"loss": decay(6, 2.3, 0.5), "val_loss": decay(6, 2.3, 0.6)})
        yield Example("five epochs", {"loss": decay(5, 2.3, 0.5)})
