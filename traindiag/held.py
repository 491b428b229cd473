"""One run held against settings: everything a gate must know of it once the run itself is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from traindiag.analysis.signals import Signals
from traindiag.budgets import Measured, known_names, measure
from traindiag.diagnosis import choose_rules, diagnose_run
from traindiag.model.finding import Finding, Severity
from traindiag.model.report import RunReport
from traindiag.model.run import Run
from traindiag.rules.base import Rule
from traindiag.settings import ForRun, Settings

OVER_BUDGET = "over-budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is said of one run before seeds, budgets and a baseline are looked at.

    Attributes:
        report: at the levels of the settings.
        own: what is set for the run; nothing where no settings count.
        was_judged: whether it could be judged, whatever the settings want to hear of it.
        measured: what each of its budgets measured, by the budget's text; None where the log does not hold it.
        names: of everything logged, where a budget measured nothing.
        accepted: rules whose findings a baseline accepts.
    """

    report: RunReport
    own: ForRun = field(default_factory=ForRun)
    was_judged: bool = True
    measured: Mapping[str, Measured | None] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    accepted: frozenset[str] = field(default_factory=frozenset)

    def called(self, name: str) -> Held:
        """The same run under another name."""
        return self if name == self.report.name else replace(self, report=replace(self.report, name=name))

    def illness(self) -> Iterator[Finding]:
        """The findings that can fail a gate: illness not accepted, and what was given a level.

        Budgets are not among them: they count by themselves.
        """
        for finding in self.report.findings:
            ill = Rule.registry[finding.rule].status == "ill" or self.own.level(finding.rule) is not None
            if ill and finding.rule != OVER_BUDGET and finding.rule not in self.accepted:
                yield finding


def held(run: Run, settings: Settings) -> Held:
    """A run diagnosed by every rule; only then are levels applied.

    Whether a run could be judged must not depend on what the user wants to hear of it: with `overfitting`
    switched off, a run that overfits was judged all the same.

    Raises:
        UsageError: the settings name a rule that does not exist.
    """
    own = settings.for_run(run.name, run.source.path)
    report = diagnose_run(run, None, own.options, settings.metrics)
    was_judged = report.verdict.status != "unjudged"
    wanted = _wanted(settings, own)
    if report.verdict.rule not in {rule.name for rule in wanted}:
        report = diagnose_run(run, wanted, own.options, settings.metrics)
    measured, names = _measured(run, own)
    return Held(
        report=_leveled(report, wanted, own), own=own, was_judged=was_judged, measured=measured, names=names
    )


def severity_of(own: ForRun, rule: str, otherwise: Severity) -> Severity:
    """The severity that the settings give a rule's findings."""
    level = own.level(rule)
    return otherwise if level is None or level == "off" else Severity(level)


def _wanted(settings: Settings, own: ForRun) -> tuple[type[Rule], ...]:
    """The rules that were selected, not ignored and not switched off."""
    chosen = choose_rules(settings.select, settings.ignore)
    return tuple(rule for rule in chosen if own.level(rule.name) != "off")


def _leveled(report: RunReport, wanted: Iterable[type[Rule]], own: ForRun) -> RunReport:
    names = {rule.name for rule in wanted}
    verdict = report.verdict
    return replace(
        report,
        findings=tuple(
            replace(each, severity=severity_of(own, each.rule, each.severity))
            for each in report.findings
            if each.rule in names
        ),
        verdict=replace(verdict, severity=severity_of(own, verdict.rule, verdict.severity)),
        skipped=tuple(each for each in report.skipped if each.rule in names),
    )


def _measured(run: Run, own: ForRun) -> tuple[Mapping[str, Measured | None], tuple[str, ...]]:
    if not own.budgets:
        return {}, ()
    signals = Signals(run)
    measured = {budget.text: measure(budget, signals) for budget in own.budgets}
    return measured, tuple(known_names([signals])) if None in measured.values() else ()
