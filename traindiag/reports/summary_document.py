"""What holds for all runs of a report as plain dicts and lists, part of the schema ``traindiag.report/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traindiag.analysis.separation import Separation
from traindiag.model.report import RunReport
from traindiag.reports.numbers import json_number
from traindiag.reports.summary import FolderCount, Spent, VerdictCount, summary_of


def summary_document(runs: Sequence[RunReport]) -> dict[str, Any]:
    """Verdicts, folders, hyper-parameters and what was spent, the worst first."""
    summary = summary_of(runs)
    return {
        "verdicts": [_verdict(each) for each in summary.verdicts],
        "folders": [_folder(each) for each in summary.folders],
        "separations": [_separation(each) for each in summary.separations],
        "spent": _spent(summary.spent),
    }


def _verdict(count: VerdictCount) -> dict[str, Any]:
    verdict = count.verdict
    return {
        "rule": verdict.rule,
        "code": verdict.code,
        "status": verdict.status,
        "severity": verdict.severity.value,
        "separations": [_separation(each) for each in count.separations],
        "runs": [run.name for run in count.runs],
    }


def _folder(count: FolderCount) -> dict[str, Any]:
    return {"folder": count.folder, "runs": count.runs, "ill": count.ill, "mostly": count.mostly.rule}


def _separation(each: Separation) -> dict[str, Any]:
    return {
        "param": each.name,
        "is": ">=" if each.is_limit else "==",
        "value": json_number(each.value) if isinstance(each.value, float) else each.value,
        "yes": {"runs": each.of_yes, "affected": each.ill_yes},
        "no": {"runs": each.of_no, "affected": each.ill_no},
        "chance": json_number(each.chance),
    }


def _spent(spent: Spent) -> dict[str, Any]:
    return {
        "epochs": spent.of_epochs,
        "epochs_after_best": spent.epochs,
        "seconds": json_number(spent.of_seconds),
        "seconds_after_best": json_number(spent.seconds),
        "timed_runs": spent.timed,
    }
