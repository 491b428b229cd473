"""What became known between two looks at one run: each finding is told once when it comes and once when it goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from traindiag.model.finding import Finding, Severity
from traindiag.model.report import RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is new since the last look.

    Attributes:
        new: findings that were not there, most severe first.
        cleared: findings that no longer hold.
    """

    new: tuple[Finding, ...] = ()
    cleared: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.cleared)


@dataclass(slots=True)
class Known:
    """The findings of one run that hold now.

    Attributes:
        least: findings below this severity are no news.
        first: epoch and finding of the first news; None while there was none.
    """

    least: Severity = Severity.WARNING
    first: tuple[int, Finding] | None = None
    _holding: dict[str, Finding] = field(default_factory=dict)

    def look(self, report: RunReport) -> Change:
        """Compare with the last look. A finding that got worse, from warning to error, is new again."""
        now: dict[str, Finding] = {}
        for each in report.findings:
            if each.severity.rank >= self.least.rank and not each.cause:
                now.setdefault(each.rule, each)
        new = tuple(each for rule, each in now.items() if self._is_news(rule, each))
        cleared = tuple(each for rule, each in self._holding.items() if rule not in now)
        self._holding = now
        if new and self.first is None:
            self.first = (last_epoch(report), new[0])
        return Change(new=new, cleared=cleared)

    @property
    def holding(self) -> tuple[Finding, ...]:
        """The findings that hold now."""
        return tuple(self._holding.values())

    def _is_news(self, rule: str, finding: Finding) -> bool:
        before = self._holding.get(rule)
        return before is None or before.severity.rank < finding.severity.rank


def last_epoch(report: RunReport) -> int:
    """The last epoch (or step) any judged curve has; -1 without one."""
    return max((int(curve.epoch[-1]) for curve in report.curves if len(curve)), default=-1)
