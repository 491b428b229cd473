"""The gate: runs held against settings, budgets and a baseline; passed, failed or nothing judged, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from traindiag import reasons
from traindiag.analysis.signals import Signals
from traindiag.baseline import Accepted, Baseline
from traindiag.budgets import (
    WALL_TIME,
    Aggregate,
    BudgetResult,
    describe,
    known_names,
    measure,
    standing_for_all,
    value_text,
)
from traindiag.config import ForRun, Settings
from traindiag.diagnosis import choose_rules, diagnose_run
from traindiag.model.finding import Evidence, Finding, Severity, Verdict
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Report, RunReport, Unreadable
from traindiag.model.run import Run
from traindiag.rules.base import Rule, find_rule

Code = Literal[0, 1, 2]
PASSED: Code = 0
FAILED: Code = 1
NOT_JUDGED: Code = 2

OVER_BUDGET = "over-budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a gate found.

    Attributes:
        code: 0 passed, 1 failed, 2 nothing could be judged.
        reason: why, in one clause.
        report: what was found, with the levels of the settings; broken budgets are findings in it, and
            accepted findings are notes.
        budgets: every budget on every run or setting.
        failing: the findings that fail the gate, by run; also what a new baseline would accept.
        accepted: run and rule of each finding that the baseline accepts.
        expired: accepted findings that are gone.
    """

    code: Code
    reason: str
    report: Report
    budgets: tuple[BudgetResult, ...] = ()
    failing: tuple[tuple[str, Finding], ...] = ()
    accepted: frozenset[tuple[str, str]] = frozenset()
    expired: tuple[Accepted, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether something was judged and nothing failed."""
        return self.code == PASSED

    @property
    def faults(self) -> frozenset[tuple[str, str]]:
        """Run and rule of everything that fails the gate: failing findings and broken budgets."""
        broken = {(each.run, OVER_BUDGET) for each in self.budgets if not each.kept}
        return frozenset(broken | {(run, finding.rule) for run, finding in self.failing})


def check_runs(
    runs: Sequence[Run],
    unreadable: Iterable[Unreadable] = (),
    *,
    settings: Settings | None = None,
    baseline: Baseline | None = None,
) -> Gate:
    """Hold runs against settings.

    Args:
        runs: the runs, as `traindiag.read_all` gives them.
        unreadable: files that should have been logs.
        settings: the built-in ones when not given.
        baseline: findings that are accepted.

    Raises:
        UsageError: the settings name a rule that does not exist.
    """
    from traindiag import __version__

    settings, baseline = settings or Settings(), baseline or Baseline()
    judged = [_judged(run, settings) for run in runs]
    budgets = tuple(_budgets(judged, settings))
    judged = [_with_baseline(_with_budgets(each, budgets), baseline) for each in judged]
    report = Report(
        runs=tuple(each.report for each in judged), unreadable=tuple(unreadable), version=__version__
    )
    failing = tuple(_failing(judged, settings))
    code, reason = _outcome(judged, report, budgets, failing, settings)
    return Gate(
        code=code,
        reason=reason,
        report=report,
        budgets=budgets,
        failing=failing,
        accepted=frozenset((each.run.name, rule) for each in judged for rule in each.accepted),
        expired=baseline.expired(
            [run.name for run in report.runs if run.verdict.status != "unjudged"],
            [(run.name, finding.rule) for run in report.runs for finding in run.findings],
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A run, what is set for it, its report at the levels of the settings, and the accepted rules."""

    run: Run
    own: ForRun
    report: RunReport
    was_judged: bool
    accepted: frozenset[str] = field(default_factory=frozenset)

    def illness(self) -> Iterator[Finding]:
        """The findings that can fail a gate: illness not accepted, and what was given a level.

        Budgets are not among them: they count by themselves.
        """
        for finding in self.report.findings:
            ill = Rule.registry[finding.rule].status == "ill" or self.own.level(finding.rule) is not None
            if ill and finding.rule != OVER_BUDGET and finding.rule not in self.accepted:
                yield finding


def _judged(run: Run, settings: Settings) -> _Judged:
    """A run diagnosed by every rule; only then are levels applied.

    Whether a run could be judged must not depend on what the user wants to hear of it: with `overfitting`
    switched off, a run that overfits was judged all the same.
    """
    own = settings.for_run(run.name, run.source.path)
    report = diagnose_run(run, None, own.options, settings.metrics)
    was_judged = report.verdict.status != "unjudged"
    wanted = _wanted(settings, own)
    if report.verdict.rule not in {rule.name for rule in wanted}:
        report = diagnose_run(run, wanted, own.options, settings.metrics)
    return _Judged(run=run, own=own, report=_leveled(report, wanted, own), was_judged=was_judged)


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
            replace(each, severity=_severity(own, each.rule, each.severity))
            for each in report.findings
            if each.rule in names
        ),
        verdict=replace(verdict, severity=_severity(own, verdict.rule, verdict.severity)),
        skipped=tuple(each for each in report.skipped if each.rule in names),
    )


def _severity(own: ForRun, rule: str, otherwise: Severity) -> Severity:
    level = own.level(rule)
    return otherwise if level is None or level == "off" else Severity(level)


def _budgets(judged: Sequence[_Judged], settings: Settings) -> Iterator[BudgetResult]:
    """Every budget on every run, or on every setting where seeds are aggregated."""
    for name, members in _groups(judged, settings).items():
        yield from _of_group(name, members, settings.aggregate)


def _groups(judged: Iterable[_Judged], settings: Settings) -> dict[str, list[_Judged]]:
    """The seeds of each setting; where the worst counts each run alone, so that every bad one is told."""
    groups: dict[str, list[_Judged]] = {}
    for each in judged:
        name = each.run.name if settings.aggregate == "worst" else settings.group(each.run.name)
        groups.setdefault(name, []).append(each)
    return groups


def _of_group(name: str, members: Sequence[_Judged], aggregate: Aggregate) -> Iterator[BudgetResult]:
    signals = {each.run.name: Signals(each.run) for each in members if each.own.budgets}
    for budget in dict.fromkeys(budget for each in members for budget in each.own.budgets):
        held = [each for each in members if budget in each.own.budgets]
        values = [measure(budget, signals[each.run.name]) for each in held]
        place, measured = standing_for_all(values, budget, aggregate)
        run = held[place].run.name
        yield BudgetResult(budget=budget, group=name, run=run, measured=measured, runs=len(held))


def _with_budgets(each: _Judged, budgets: Iterable[BudgetResult]) -> _Judged:
    """With a finding for every broken budget; a run that was well is ill by them."""
    report = each.report
    if each.own.budgets:
        report = replace(report, skipped=tuple(o for o in report.skipped if o.rule != OVER_BUDGET))
    broken = [result for result in budgets if result.run == each.run.name and not result.kept]
    if each.own.level(OVER_BUDGET) == "off" or not broken:
        return replace(each, report=report)
    severity = _severity(each.own, OVER_BUDGET, find_rule(OVER_BUDGET).severity)
    found = tuple(_over_budget(result, severity) for result in broken)
    if report.verdict.status == "ill":
        return replace(each, report=replace(report, findings=(*report.findings, *found)))
    verdict = _verdict_of(found[0])
    return replace(each, report=replace(report, findings=(*found, *report.findings), verdict=verdict))


def _over_budget(result: BudgetResult, severity: Severity) -> Finding:
    rule, budget, measured = find_rule(OVER_BUDGET), result.budget, result.measured
    seeds = f", over {result.runs} seeds of {result.group}" if result.runs > 1 else ""
    message = f"{budget.name} is not in this log, so the budget {budget.text} is not kept"
    evidence: tuple[Evidence, ...] = ()
    if measured is not None:
        message = f"{value_text(budget, measured.value)} breaks the budget {budget.text}{seeds}"
        evidence = (
            Evidence(
                series=measured.series,
                epochs=measured.epochs,
                observed=measured.value,
                threshold=budget.limit,
                note=describe(budget),
            ),
        )
    return Finding(
        rule=rule.name, code=rule.code, severity=severity, confidence=0.99, message=message, evidence=evidence
    )


def _verdict_of(finding: Finding) -> Verdict:
    return Verdict(
        rule=finding.rule,
        code=finding.code,
        status="ill",
        severity=finding.severity,
        confidence=finding.confidence,
        message=finding.message,
    )


def _with_baseline(each: _Judged, baseline: Baseline) -> _Judged:
    """With accepted findings as notes that say so. Budgets are not accepted: change the budget."""
    report = each.report
    accepted = frozenset(
        finding.rule
        for finding in report.findings
        if finding.rule != OVER_BUDGET and baseline.accepts(report.name, finding)
    )
    findings = tuple(
        replace(finding, severity=Severity.NOTE, message=_accepted(finding.message))
        if finding.rule in accepted
        else finding
        for finding in report.findings
    )
    verdict = report.verdict
    if verdict.rule in accepted:
        verdict = replace(verdict, severity=Severity.NOTE, message=_accepted(verdict.message))
    return replace(each, report=replace(report, findings=findings, verdict=verdict), accepted=accepted)


def _accepted(message: str) -> str:
    return f"{message} (accepted by the baseline)"


def _failing(judged: Iterable[_Judged], settings: Settings) -> Iterator[tuple[str, Finding]]:
    """The findings at or above `fail_on`, of those settings whose seeds fail as a whole."""
    if settings.fail_on is None:
        return
    for members in _groups(judged, settings).values():
        if _rank_of_all(members, settings.aggregate) < settings.fail_on.rank:
            continue
        for each in members:
            for finding in each.illness():
                if finding.severity.rank >= settings.fail_on.rank:
                    yield each.run.name, finding


def _rank_of_all(members: Iterable[_Judged], aggregate: Aggregate) -> int:
    """The severity that stands for several seeds: the worst of each seed's findings, -1 for none.

    Of an even number the worse of the two in the middle is the median. Seeds that could not be judged have
    no say, unless something was found on them all the same.
    """
    worst = [(each, max((f.severity.rank for f in each.illness()), default=-1)) for each in members]
    ranks = sorted(rank for each, rank in worst if each.was_judged or rank >= 0)
    if not ranks:
        return -1
    return ranks[{"best": 0, "median": len(ranks) // 2, "worst": -1}[aggregate]]


def _outcome(
    judged: Sequence[_Judged],
    report: Report,
    budgets: Sequence[BudgetResult],
    failing: Sequence[tuple[str, Finding]],
    settings: Settings,
) -> tuple[Code, str]:
    """Exit code and reason. What failed goes before what could not be judged."""
    own = {each.run.name: each.own for each in judged}
    counted = [result for result in budgets if own[result.run].level(OVER_BUDGET) != "off"]
    missing = _never_logged(judged, counted)
    broken = [result for result in counted if not result.kept and result.budget.text not in missing]
    faults = [*reasons.failing_findings(failing), *reasons.broken_budgets(broken)]
    if faults:
        return FAILED, "; ".join([*faults, *missing.values()])
    if missing:
        return NOT_JUDGED, "; ".join(missing.values())
    if not report.runs:
        return NOT_JUDGED, reasons.nothing_readable(report.unreadable)
    only_budgets = settings.fail_on is None and bool(counted)
    count = sum(each.was_judged for each in judged)
    if not count and not only_budgets:
        return NOT_JUDGED, reasons.none_judged(report.runs)
    return PASSED, reasons.passed(
        settings,
        judged=count,
        not_judged=len(judged) - count,
        unreadable=len(report.unreadable),
        below=(finding for each in judged for finding in each.illness()),
        accepted=sum(len(each.accepted) for each in judged),
        budgets=len({result.budget.text for result in counted}),
    )


def _never_logged(judged: Sequence[_Judged], budgets: Sequence[BudgetResult]) -> Mapping[str, str]:
    """Budgets that no run could be held against, each with a clause: a misspelt name must not pass."""
    measured = {result.budget.text for result in budgets if result.measured is not None}
    lost = {result.budget.text: result.budget for result in budgets if result.budget.text not in measured}
    if not lost:
        return {}
    names = known_names(Signals(each.run) for each in judged)
    return {
        text: f"no run logs what the budget {text!r} is about; "
        + (
            "times are in event files, and in a column epoch_time"
            if budget.name == WALL_TIME
            else did_you_mean(budget.name, names, f"logged are {', '.join(names[:8])}")
        )
        for text, budget in lost.items()
    }
