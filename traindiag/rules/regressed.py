from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity
from traindiag.rules.base import Rule


class Regressed(Rule):
    """The run, or its seeds, ends worse than the run it is compared with, by more than noise.

    ## Why it matters
    A change of code, data or a library can cost accuracy without making any single run look ill. One run
    against another proves little: two seeds of the same setting differ as well.

    ## Evidence
    The difference of the best values of the monitored metric, as `traindiag compare` measures it. With
    several seeds on a side, its interval comes from their spread (Student's or Welch's t, 98 %, so that one
    comparison in a hundred calls the same setting worse), and from three a side on from what seeds usually spread
    by, 3 %, too; with one run each, from the noise of single epochs,
    or from the 3 % that seeds are taken to spread by where that is more. The interval must exclude zero, and
    the difference must be at least 1 % of the best value or of what was gained, whichever is less.

    ## Remedies
    Train three to five seeds of both settings before you believe it. Then look for what changed: data and its
    order, preprocessing, learning rate and batch size, versions of libraries; bisect the commits.

    ## When to ignore
    When something else was bought with it on purpose: a smaller or faster model, less training time.

    ## References
    Welch, Biometrika 34, 1947. Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks,
    MLSys 2021.
    """

    code = "TD801"
    name = "regressed"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0
    alone = False

    def skip_reason(self, signals: Signals) -> str:
        return "no run to compare with (traindiag compare)"

    def judge(self, signals: Signals) -> Iterator[Finding]:
        yield from ()
