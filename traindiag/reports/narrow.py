"""A report without what is not bad enough to be told."""

from __future__ import annotations

from dataclasses import replace

from traindiag.model.finding import Severity
from traindiag.model.report import Report


def narrowed(report: Report, least: Severity) -> Report:
    """The report without findings below a severity; verdicts stay as they are."""
    if least is Severity.NOTE:
        return report
    runs = (
        replace(run, findings=tuple(each for each in run.findings if each.severity.rank >= least.rank))
        for run in report.runs
    )
    return replace(report, runs=tuple(runs))
