"""From a run to its report: every rule is asked, none can break the others, and one verdict is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from traindiag.analysis.effort import effort_of, plain_params
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Finding, Outcome, Severity, Verdict
from traindiag.model.names import Mode
from traindiag.model.report import Report, RunReport, Unreadable
from traindiag.model.run import Run
from traindiag.rules.base import Rule, all_rules, find_rule
from traindiag.rules.causes import EXPLAINS, ORDER, REPLACES, rank

DAMAGED = 0.9
"""Confidence is multiplied by this when records of the log were lost."""


def choose_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> tuple[type[Rule], ...]:
    """The rules to ask.

    Args:
        select: names or codes, or beginnings of codes (``TD2``); all rules when empty.
        ignore: the same, left out. Rules of health and "cannot tell" always stay: a run has a verdict.

    Raises:
        UsageError: a name matches no rule.
    """
    wanted, unwanted = _matching(select), _matching(ignore)
    return tuple(
        rule
        for rule in all_rules()
        if rule.status != "ill" or ((not wanted or rule in wanted) and rule not in unwanted)
    )


def _matching(names: Iterable[str]) -> set[type[Rule]]:
    matched: set[type[Rule]] = set()
    for name in names:
        by_prefix = [rule for rule in all_rules() if name and rule.code.startswith(name.strip().upper())]
        matched.update(by_prefix or [find_rule(name)])
    return matched


def diagnose_run(
    run: Run,
    rules: Sequence[type[Rule]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    modes: Mapping[str, Mode] | None = None,
) -> RunReport:
    """Judge one run.

    Args:
        run: the run.
        rules: the rules to ask; all of them when not given.
        options: options by rule name, ``{"overfitting": {"rise": 0.1}}``.
        modes: ``"min"`` or ``"max"`` by metric, where its name says nothing or the wrong thing.
    """
    signals = Signals(run, modes)
    outcomes = [_ask(rule, signals, (options or {}).get(rule.name, {})) for rule in rules or all_rules()]
    findings = _settle([finding for outcome in outcomes for finding in outcome.findings])
    if run.source.damage:
        findings = [
            replace(finding, confidence=round(finding.confidence * DAMAGED, 2)) for finding in findings
        ]
    return RunReport(
        name=run.name,
        source=run.source,
        epochs=signals.epochs,
        metrics=tuple(sorted({curve.metric for curve in signals.curves})),
        splits=tuple(
            split for split in ("train", "val", "test") if any(c.split == split for c in signals.curves)
        ),
        verdict=_verdict(findings, outcomes),
        best=signals.best,
        trends=signals.trends,
        findings=tuple(findings),
        skipped=tuple(outcome for outcome in outcomes if outcome.status == "skipped"),
        errored=tuple(outcome for outcome in outcomes if outcome.status == "errored"),
        curves=_without_batches(signals.curves),
        effort=effort_of(signals),
        params=plain_params(run),
    )


def diagnose_runs(
    runs: Iterable[Run],
    unreadable: Iterable[Unreadable] = (),
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Report:
    """Judge every run, in the order given."""
    from traindiag import __version__

    rules = choose_rules(select, ignore)
    return Report(
        runs=tuple(diagnose_run(run, rules, options) for run in runs),
        unreadable=tuple(unreadable),
        version=__version__,
    )


def _ask(rule: type[Rule], signals: Signals, options: Mapping[str, Any]) -> Outcome:
    """One rule's outcome. A rule that fails is reported and costs no other rule its say."""
    try:
        judge = rule(**options)
        reason = judge.skip_reason(signals)
        if reason:
            return Outcome(rule=rule.name, status="skipped", reason=reason)
        findings = tuple(judge.judge(signals))
    except Exception as error:
        return Outcome(rule=rule.name, status="errored", reason=f"{type(error).__name__}: {error}")
    return Outcome(rule=rule.name, status="failed" if findings else "passed", findings=findings)


def _settle(findings: list[Finding]) -> list[Finding]:
    """The verdict's finding first, what it replaces left out, what it explains marked as its symptom."""
    verdict = _first(findings)
    if verdict is None:
        return _sorted(findings)
    replaced = REPLACES.get(verdict.rule, frozenset())
    explained = EXPLAINS.get(verdict.rule, frozenset())
    others = [
        replace(finding, cause=verdict.rule) if finding.rule in explained else finding
        for finding in findings
        if finding is not verdict and finding.rule not in replaced
    ]
    return [verdict, *_sorted(others)]


def _first(findings: list[Finding]) -> Finding | None:
    """The finding that is the verdict: first in the order of causes; a mere note is no illness."""
    candidates = [
        finding
        for finding in findings
        if finding.rule in ORDER
        and (Rule.registry[finding.rule].status != "ill" or finding.severity.rank > Severity.NOTE.rank)
    ]
    return min(candidates, key=lambda finding: rank(finding.rule), default=None)


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (-finding.severity.rank, bool(finding.cause), finding.code))


def _verdict(findings: list[Finding], outcomes: Sequence[Outcome]) -> Verdict:
    first = _first(findings)
    if first is None:
        failed = [outcome.rule for outcome in outcomes if outcome.status == "errored"]
        message = (
            f"the rules {', '.join(failed)} failed" if failed else "no selected rule could judge this run"
        )
        return Verdict(
            rule="undecided",
            code="TD003",
            status="unjudged",
            severity=Severity.NOTE,
            confidence=0.5,
            message=message,
        )
    return Verdict(
        rule=first.rule,
        code=first.code,
        status=Rule.registry[first.rule].status,
        severity=first.severity,
        confidence=first.confidence,
        message=first.message,
    )


def _without_batches(curves: Iterable[Curve]) -> tuple[Curve, ...]:
    return tuple(curve for curve in curves if not curve.metric.startswith(("batch_", "evaluation_")))
