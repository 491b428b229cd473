"""SARIF 2.1.0: what regressed, for code scanning pages."""

from __future__ import annotations

from typing import Any, ClassVar

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.words import contrasts, headline, told
from traindiag.reports.numbers import json_number
from traindiag.reports.scanning import (
    fingerprint,
    location,
    path_uri,
    rules_of,
    sarif_text,
    unreadable_notification,
)


class SarifRenderer(ComparisonRenderer):
    """One result of the rule TD801 for each group that regressed.

    What could not be told, like files that could not be read, is a notification of the invocation: it is no fault
    of the code, and code scanning would show it as one.
    """

    name: ClassVar[str] = "sarif"
    suffixes: ClassVar[tuple[str, ...]] = (".sarif", ".sarif.json")

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The SARIF log as JSON, ASCII only."""
        judged = list(contrasts(report))
        worse = [each for each in judged if each[1].judgment == "regressed"]
        unclear = [each for each in judged if each[1].judgment == "cannot tell"]
        return sarif_text(
            version=report.version,
            rules=rules_of(["regressed"] if worse else []),
            results=[_result(*each) for each in worse],
            notifications=[
                *(unreadable_notification(each) for each in report.unreadable),
                *(_notification(*each) for each in unclear),
            ],
            successful=True,
        )


def _result(comparison: Comparison, contrast: Contrast, group: Group) -> dict[str, Any]:
    first, *others = zip(group.paths, group.runs, strict=True)
    result: dict[str, Any] = {
        "ruleId": "TD801",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": _text(comparison, contrast, group)},
        "locations": [location(*first)],
        "partialFingerprints": {
            "traindiag/v1": fingerprint(comparison.base.name, group.name, comparison.metric, "TD801")
        },
        "properties": {
            "metric": comparison.metric,
            "base": comparison.base.name,
            "group": group.name,
            "difference": json_number(contrast.difference),
            "interval": [json_number(each) for each in contrast.interval],
            "basis": contrast.basis,
        },
    }
    if others:
        result["relatedLocations"] = [
            {"id": number, **location(path, run)} for number, (path, run) in enumerate(others, 1)
        ]
    return result


def _notification(comparison: Comparison, contrast: Contrast, group: Group) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": path_uri(group.paths[0])}}}
    text = _text(comparison, contrast, group)
    return {"level": "warning", "message": {"text": text}, "locations": [place]}


def _text(comparison: Comparison, contrast: Contrast, group: Group) -> str:
    return " ".join([f"{headline(contrast, comparison)}.", *told(comparison, contrast, group)])
