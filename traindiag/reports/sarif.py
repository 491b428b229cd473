"""SARIF 2.1.0: the format of code scanners (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

from typing import Any, ClassVar

from traindiag.model.finding import Evidence, Finding
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import json_number
from traindiag.reports.ranking import faults
from traindiag.reports.scanning import fingerprint, location, rules_of, sarif_text, unreadable_notification
from traindiag.reports.words import sentence


class SarifRenderer(Renderer):
    """One SARIF run with a result for each finding, for code scanning pages.

    Files that could not be read are notifications of the invocation. Healthy runs have no result. Findings that a
    baseline accepts are suppressed results.
    """

    name: ClassVar[str] = "sarif"
    suffixes: ClassVar[tuple[str, ...]] = (".sarif", ".sarif.json")

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The SARIF log as JSON, ASCII only."""
        found = faults(report)
        rules = rules_of(finding.rule for _, finding in found)
        index = {rule["name"]: number for number, rule in enumerate(rules)}
        return sarif_text(
            version=report.version,
            rules=rules,
            results=[_result(run, finding, index, options.accepted) for run, finding in found],
            notifications=[unreadable_notification(each) for each in report.unreadable],
            successful=bool(report.runs) or not report.unreadable,
        )


def _result(
    run: RunReport, finding: Finding, index: dict[str, int], accepted: frozenset[tuple[str, str]]
) -> dict[str, Any]:
    remedy = f" Remedy: {sentence(finding.remedies[0].change)}" if finding.remedies else ""
    result: dict[str, Any] = {"ruleId": finding.code}
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    if (run.name, finding.rule) in accepted:
        # The baseline is a file of its own beside the logs: "external" to what was scanned.
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": "accepted by the baseline"}
        ]
    return result | {
        "level": finding.severity.value,
        "message": {"text": f"{run.name}: {sentence(finding.message)}{remedy}"},
        "locations": [location(run.source.path, run.name)],
        "partialFingerprints": {"traindiag/v1": fingerprint(run.name, finding.code)},
        "rank": json_number(100 * finding.confidence, 1),
        "properties": {
            "run": run.name,
            "rule": finding.rule,
            "verdict": finding.rule == run.verdict.rule,
            "confidence": json_number(finding.confidence, 3),
            "evidence": [_evidence(each) for each in finding.evidence],
            "remedies": [{"change": each.change, "snippet": each.snippet} for each in finding.remedies],
        },
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "series": evidence.series,
        "epochs": [int(each) for each in evidence.epochs],
        "observed": json_number(evidence.observed),
        "threshold": None if evidence.threshold is None else json_number(evidence.threshold),
        "note": evidence.note,
    }
