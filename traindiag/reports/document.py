"""The report as plain dicts and lists, in the shape of the schema ``traindiag.report/1``."""

from __future__ import annotations

from typing import Any

from traindiag.model.finding import Evidence, Finding, Outcome, Remedy, Verdict
from traindiag.model.report import Best, Report, RunReport, Unreadable
from traindiag.model.run import Damage, Source
from traindiag.model.trend import Trend
from traindiag.reports.numbers import json_number
from traindiag.reports.summary_document import summary_document


def report_document(report: Report) -> dict[str, Any]:
    """The whole report."""
    return {
        "schema": report.schema,
        "version": report.version,
        "summary": summary_document(report.runs),
        "runs": [run_document(run) for run in report.runs],
        "unreadable": [unreadable_document(each) for each in report.unreadable],
    }


def run_document(run: RunReport) -> dict[str, Any]:
    """One run of a report."""
    return {
        "name": run.name,
        "source": _source(run.source),
        "epochs": run.epochs,
        "metrics": list(run.metrics),
        "splits": list(run.splits),
        "verdict": _verdict(run.verdict),
        "best": None if run.best is None else _best(run.best),
        "trends": [_trend(each) for each in run.trends],
        "findings": [_finding(each) for each in run.findings],
        "skipped": [_outcome(each) for each in run.skipped],
        "errored": [_outcome(each) for each in run.errored],
    }


def unreadable_document(each: Unreadable) -> dict[str, Any]:
    """One file that could not be read."""
    return {"path": each.path, "message": each.message}


def _source(source: Source) -> dict[str, Any]:
    return {
        "path": source.path,
        "reader": source.reader,
        "digest": source.digest,
        "also": list(source.also),
        "damage": [_damage(each) for each in source.damage],
        "details": dict(sorted(source.details.items())),
    }


def _damage(damage: Damage) -> dict[str, Any]:
    return {
        "path": damage.path,
        "place": damage.place,
        "what": damage.what,
        "records": int(damage.records),
        "size": int(damage.size),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule,
        "code": verdict.code,
        "status": verdict.status,
        "severity": verdict.severity.value,
        "confidence": json_number(verdict.confidence, 3),
        "message": verdict.message,
    }


def _best(best: Best) -> dict[str, Any]:
    return {"monitor": best.monitor, "epoch": int(best.epoch), "value": json_number(best.value)}


def _trend(trend: Trend) -> dict[str, Any]:
    return {
        "series": trend.series,
        "direction": trend.direction,
        "slope": json_number(trend.slope),
        "interval": [json_number(each) for each in trend.interval],
        "strength": json_number(trend.strength),
        "noise": json_number(trend.noise),
        "epochs": [int(each) for each in trend.epochs],
        "best_epoch": int(trend.best_epoch),
        "best": json_number(trend.best),
        "last": json_number(trend.last),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": json_number(finding.confidence, 3),
        "message": finding.message,
        "evidence": [_evidence(each) for each in finding.evidence],
        "remedies": [_remedy(each) for each in finding.remedies],
        "cause": finding.cause,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "series": evidence.series,
        "epochs": [int(each) for each in evidence.epochs],
        "observed": json_number(evidence.observed),
        "threshold": None if evidence.threshold is None else json_number(evidence.threshold),
        "note": evidence.note,
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {"action": remedy.action, "change": remedy.change, "why": remedy.why, "snippet": remedy.snippet}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"rule": outcome.rule, "reason": outcome.reason}
