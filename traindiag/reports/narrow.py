"""A report with only the findings that were asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from traindiag.model.finding import Severity
from traindiag.model.report import Report, RunReport


def narrowed(
    report: Report, *, rules: Collection[str] | None = None, least: Severity = Severity.NOTE
) -> Report:
    """The report without findings of other rules or below a severity; verdicts stay as they are.

    Args:
        report: the whole report.
        rules: names of the rules to keep; None keeps all.
        least: the lowest severity to keep.
    """

    def keep(run: RunReport) -> RunReport:
        findings = tuple(
            each
            for each in run.findings
            if each.severity.rank >= least.rank and (rules is None or each.rule in rules)
        )
        skipped = tuple(each for each in run.skipped if rules is None or each.rule in rules)
        return replace(run, findings=findings, skipped=skipped)

    if rules is None and least is Severity.NOTE:
        return report
    return replace(report, runs=tuple(keep(run) for run in report.runs))
