"""The order in which runs and findings matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from traindiag.model.finding import Finding
from traindiag.model.report import Report, RunReport

MANY = 8
"""With more ill runs than this, one of each verdict is told in full and the others are named with it."""
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


def grouped(runs: Sequence[RunReport], *, apart: bool) -> list[list[RunReport]]:
    """Runs most severe first; one group a run, or one a verdict, the largest first, each with its surest run first."""
    if apart:
        return [[run] for run in sorted(runs, key=lambda run: -run.verdict.severity.rank)]
    ranked = sorted(
        runs, key=lambda run: (-run.verdict.severity.rank, run.verdict.code, -run.verdict.confidence)
    )
    groups = [
        list(group) for _, group in groupby(ranked, key=lambda run: (run.verdict.severity, run.verdict.code))
    ]
    return sorted(groups, key=lambda group: (-group[0].verdict.severity.rank, -len(group)))
