"""The order in which runs and findings matter."""

from __future__ import annotations

from collections.abc import Iterable

from traindiag.model.finding import Finding
from traindiag.model.report import Report, RunReport

_STATUS_ORDER = {"ill": 0, "unjudged": 1, "healthy": 2}


def most_severe_first(runs: Iterable[RunReport]) -> list[RunReport]:
    """Ill runs before those that could not be judged before healthy ones; else in the order given."""
    return sorted(runs, key=lambda run: (_STATUS_ORDER[run.verdict.status], -run.verdict.severity.rank))


def faults(report: Report) -> list[tuple[RunReport, Finding]]:
    """Every finding but the one that says a run is healthy, the most severe first."""
    found = [
        (run, finding)
        for run in report.runs
        for finding in run.findings
        if run.verdict.status != "healthy" or finding.rule != run.verdict.rule
    ]
    return sorted(found, key=lambda pair: (-pair[1].severity.rank, pair[1].rule != pair[0].verdict.rule))
