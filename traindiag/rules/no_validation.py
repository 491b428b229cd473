from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Remedy, Severity, Status
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay


class NoValidation(Rule):
    """No validation loss was logged, so nothing can be said of generalisation.

    ## Why it matters
    A training loss falls whether the network learns or memorises. Only data it was not trained on can tell.

    ## Evidence
    The log has a training loss and no validation (or test) loss.

    ## Remedies
    Pass validation_data, or validation_split with shuffled data, to fit.

    ## When to ignore
    The last training of a model whose settings were validated before, on all the data there is.

    ## References
    Goodfellow, Bengio and Courville, Deep Learning, 2016, section 5.3 (hyper-parameters and validation sets).
    """

    code = "TD306"
    name = "no-validation"
    severity = Severity.NOTE
    status: ClassVar[Status] = "unjudged"
    min_epochs = 1

    def judge(self, signals: Signals) -> Iterator[Finding]:
        if signals.val is not None:
            return
        reading = signals.reading
        # Where the training curve alone is ill, another rule says so.
        well = reading is not None and reading.cell in ("learning", "converged", "undecided")
        course = f"{reading.reason}; " if reading is not None and well else ""
        yield self.finding(
            f"{course}there is no validation loss to judge generalisation by",
            confidence=0.99,
            remedies=(
                Remedy(
                    action="add-validation",
                    change="pass validation_data, or hold back a fifth with validation_split=0.2 (shuffle first)",
                    why="only data the network was not trained on can tell learning from memorising",
                    snippet="model.fit(x, y, validation_split=0.2)",
                ),
            ),
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example("training loss alone", {"loss": decay(30, 2.3, 0.2)})
        yield Example("two epochs, training alone", {"loss": [2.3, 1.9]})

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("both losses", {"loss": decay(30, 2.3, 0.2), "val_loss": decay(30, 2.3, 0.3)})
        yield Example("test loss each epoch", {"loss": decay(30, 2.3, 0.2), "test_loss": decay(30, 2.3, 0.3)})
