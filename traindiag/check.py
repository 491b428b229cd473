"""The gate: runs held against settings, budgets and a baseline; passed, failed or nothing judged, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from traindiag import reasons
from traindiag.baseline import Accepted, Baseline
from traindiag.budgets import (
    OF_THE_RUN,
    WALL_TIME,
    Aggregate,
    BudgetResult,
    describe,
    standing_for_all,
    value_text,
)
from traindiag.held import OVER_BUDGET, Held, held, severity_of
from traindiag.model.finding import Evidence, Finding, Severity, Verdict
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Report, Unreadable
from traindiag.model.run import Run
from traindiag.rules.base import find_rule
from traindiag.settings import Settings

Code = Literal[0, 1, 2]
PASSED: Code = 0
FAILED: Code = 1
NOT_JUDGED: Code = 2


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
    runs: Iterable[Run],
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
    settings = settings or Settings()
    return gate_of([held(run, settings) for run in runs], unreadable, settings=settings, baseline=baseline)


def gate_of(
    every: Sequence[Held],
    unreadable: Iterable[Unreadable] = (),
    *,
    settings: Settings,
    baseline: Baseline | None = None,
) -> Gate:
    """What runs come to together that were held against the same settings one by one.

    Args: as `check_runs`.
    """
    from traindiag import __version__

    baseline = baseline or Baseline()
    budgets = tuple(_budgets(every, settings))
    every = [_with_baseline(_with_budgets(each, budgets), baseline) for each in every]
    report = Report(
        runs=tuple(each.report for each in every), unreadable=tuple(unreadable), version=__version__
    )
    failing = tuple(_failing(every, settings))
    code, reason = _outcome(every, report, budgets, failing, settings)
    return Gate(
        code=code,
        reason=reason,
        report=report,
        budgets=budgets,
        failing=failing,
        accepted=frozenset((each.report.name, rule) for each in every for rule in each.accepted),
        expired=baseline.expired(
            [run.name for run in report.runs if run.verdict.status != "unjudged"],
            [(run.name, finding.rule) for run in report.runs for finding in run.findings],
        ),
    )


def _budgets(every: Sequence[Held], settings: Settings) -> Iterator[BudgetResult]:
    """Every budget on every run, or on every setting where seeds are aggregated."""
    for name, members in _groups(every, settings).items():
        yield from _of_group(name, members, settings.aggregate)


def _groups(every: Iterable[Held], settings: Settings) -> dict[str, list[Held]]:
    """The seeds of each setting; where the worst counts each run alone, so that every bad one is told."""
    groups: dict[str, list[Held]] = {}
    for each in every:
        name = each.report.name if settings.aggregate == "worst" else settings.group(each.report.name)
        groups.setdefault(name, []).append(each)
    return groups


def _of_group(name: str, members: Sequence[Held], aggregate: Aggregate) -> Iterator[BudgetResult]:
    for budget in dict.fromkeys(budget for each in members for budget in each.own.budgets):
        limited = [each for each in members if budget in each.own.budgets]
        values = [each.measured[budget.text] for each in limited]
        place, measured = standing_for_all(values, budget, aggregate)
        run = limited[place].report.name
        yield BudgetResult(budget=budget, group=name, run=run, measured=measured, runs=len(limited))


def _with_budgets(each: Held, budgets: Iterable[BudgetResult]) -> Held:
    """With a finding for every broken budget; a run that was well is ill by them."""
    report = each.report
    if each.own.budgets:
        report = replace(report, skipped=tuple(o for o in report.skipped if o.rule != OVER_BUDGET))
    broken = [result for result in budgets if result.run == each.report.name and not result.kept]
    if each.own.level(OVER_BUDGET) == "off" or not broken:
        return replace(each, report=report)
    severity = severity_of(each.own, OVER_BUDGET, find_rule(OVER_BUDGET).severity)
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


def _with_baseline(each: Held, baseline: Baseline) -> Held:
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


def _failing(every: Iterable[Held], settings: Settings) -> Iterator[tuple[str, Finding]]:
    """The findings at or above `fail_on`, of those settings whose seeds fail as a whole."""
    if settings.fail_on is None:
        return
    for members in _groups(every, settings).values():
        if _rank_of_all(members, settings.aggregate) < settings.fail_on.rank:
            continue
        for each in members:
            for finding in each.illness():
                if finding.severity.rank >= settings.fail_on.rank:
                    yield each.report.name, finding


def _rank_of_all(members: Iterable[Held], aggregate: Aggregate) -> int:
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
    every: Sequence[Held],
    report: Report,
    budgets: Sequence[BudgetResult],
    failing: Sequence[tuple[str, Finding]],
    settings: Settings,
) -> tuple[Code, str]:
    """Exit code and reason. What failed goes before what could not be judged."""
    own = {each.report.name: each.own for each in every}
    counted = [result for result in budgets if own[result.run].level(OVER_BUDGET) != "off"]
    missing = _never_logged(every, counted)
    broken = [result for result in counted if not result.kept and result.budget.text not in missing]
    faults = [*reasons.failing_findings(failing), *reasons.broken_budgets(broken)]
    if faults:
        return FAILED, "; ".join([*faults, *missing.values()])
    if missing:
        return NOT_JUDGED, "; ".join(missing.values())
    if not report.runs:
        return NOT_JUDGED, reasons.nothing_readable(report.unreadable)
    only_budgets = settings.fail_on is None and bool(counted)
    count = sum(each.was_judged for each in every)
    if not count and not only_budgets:
        return NOT_JUDGED, reasons.none_judged(report.runs)
    return PASSED, reasons.passed(
        settings,
        judged=count,
        not_judged=len(every) - count,
        unreadable=len(report.unreadable),
        below=(finding for each in every for finding in each.illness()),
        accepted=sum(len(each.accepted) for each in every),
        budgets=len({result.budget.text for result in counted}),
    )


def _never_logged(every: Sequence[Held], budgets: Sequence[BudgetResult]) -> Mapping[str, str]:
    """Budgets that no run could be held against, each with a clause: a misspelt name must not pass."""
    measured = {result.budget.text for result in budgets if result.measured is not None}
    lost = {result.budget.text: result.budget for result in budgets if result.budget.text not in measured}
    if not lost:
        return {}
    names = sorted({name for each in every for name in each.names} - {*OF_THE_RUN}) + list(OF_THE_RUN)
    return {
        text: f"no run logs what the budget {text!r} is about; "
        + (
            "times are in event files, and in a column epoch_time"
            if budget.name == WALL_TIME
            else did_you_mean(budget.name, names, f"logged are {', '.join(names[:8])}")
        )
        for text, budget in lost.items()
    }
