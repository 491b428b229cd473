from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity
from traindiag.rules.base import Rule


class OverBudget(Rule):
    """A limit from the settings was broken: val_loss too high, too many epochs, too much time.

    ## Why it matters
    A run can be healthy and still not good enough to ship, or too dear. Only you know the limits.

    ## Evidence
    The best (or last) value of a metric, the best epoch, the number of epochs or the time they took, held
    against a budget of the settings: `budgets = ["val_loss <= 0.35", "wall_time <= 2 h"]`. Where several
    seeds stand for one setting, their worst, median or best value counts, as `aggregate` says.

    ## Remedies
    Look at the other findings of the run first: they say why a value is worse than it should be. Where there
    are none, compare with the last run that kept the budget: `traindiag compare OLD NEW`.

    ## When to ignore
    When the task has become harder on purpose: then change the budget, and say why in the commit.

    ## References
    Lighthouse CI, "Assertions" and "Aggregation": levels and budgets over several runs of one page.
    """

    code = "TD802"
    name = "over-budget"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0
    alone = False

    def skip_reason(self, signals: Signals) -> str:
        return "no budgets given (traindiag check)"

    def judge(self, signals: Signals) -> Iterator[Finding]:
        yield from ()
