"""SARIF 2.1.0: the format of code scanners (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from traindiag.model.finding import Evidence, Finding
from traindiag.model.report import Report, RunReport, Unreadable
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import json_number
from traindiag.reports.ranking import faults

if TYPE_CHECKING:
    from traindiag.rules.base import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifRenderer(Renderer):
    """One SARIF run with a result for each finding, for code scanning pages.

    Files that could not be read are notifications of the invocation. Healthy runs have no result.
    """

    name: ClassVar[str] = "sarif"
    suffixes: ClassVar[tuple[str, ...]] = (".sarif", ".sarif.json")

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The SARIF log as JSON, ASCII only."""
        found = faults(report)
        rules = _rules(finding.rule for _, finding in found)
        index = {rule["name"]: number for number, rule in enumerate(rules)}
        driver = {"name": "traindiag", "version": report.version, "rules": rules}
        run = {
            "tool": {"driver": {key: value for key, value in driver.items() if value != ""}},
            "invocations": [
                {
                    "executionSuccessful": bool(report.runs) or not report.unreadable,
                    "toolExecutionNotifications": [_notification(each) for each in report.unreadable],
                }
            ],
            "results": [_result(run, finding, index) for run, finding in found],
            "columnKind": "unicodeCodePoints",
        }
        log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
        return json.dumps(log, indent=2, allow_nan=False) + "\n"


def _rules(names: Any) -> list[dict[str, Any]]:
    from traindiag.rules.base import all_rules

    fired = set(names)
    return [_rule(rule) for rule in all_rules() if rule.name in fired]


def _rule(rule: type[Rule]) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary()},
        "help": {"text": rule.page(), "markdown": rule.page()},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(run: RunReport, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    remedy = f" Remedy: {finding.remedies[0].change}" if finding.remedies else ""
    result: dict[str, Any] = {"ruleId": finding.code}
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    return result | {
        "level": finding.severity.value,
        "message": {"text": f"{run.name}: {finding.message}{remedy}"},
        "locations": [_location(run)],
        "partialFingerprints": {"traindiag/v1": _fingerprint(run, finding)},
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


def _location(run: RunReport) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": path_uri(run.source.path)},
            # A run is about the whole file; GitHub shows no result without a line.
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"name": run.name, "kind": "object"}],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "series": evidence.series,
        "epochs": [int(each) for each in evidence.epochs],
        "observed": json_number(evidence.observed),
        "threshold": None if evidence.threshold is None else json_number(evidence.threshold),
        "note": evidence.note,
    }


def _notification(each: Unreadable) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": path_uri(each.path)}}}
    return {"level": "error", "message": {"text": each.message}, "locations": [place]}


def _fingerprint(run: RunReport, finding: Finding) -> str:
    """The same for the same rule on the same run, whatever the numbers are."""
    words = f"{run.name}\0{finding.code}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(words, digest_size=16).hexdigest()


def path_uri(path: str) -> str:
    """A path as a URI reference: relative paths stay relative, absolute ones become ``file:`` URIs."""
    if PureWindowsPath(path).drive and PureWindowsPath(path).is_absolute():
        return "file:///" + quote(PureWindowsPath(path).as_posix(), safe="/:", errors="backslashreplace")
    quoted = quote(path, errors="backslashreplace")
    if PurePosixPath(path).is_absolute():
        return "file://" + quoted
    # A colon before the first slash would read as a scheme; quote has escaped it already.
    return quoted
