"""GitHub annotations: workflow commands that a job prints."""

from __future__ import annotations

from typing import ClassVar

from traindiag.model.finding import Finding, Severity
from traindiag.model.report import Report, RunReport, Unreadable
from traindiag.reports.annotations import command, folded
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.ranking import faults
from traindiag.reports.sanitise import sanitise
from traindiag.reports.totals import totals

_KIND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


class GithubRenderer(Renderer):
    """Annotations for GitHub Actions: errors, warnings, notices, then a plain line of totals.

    GitHub shows ten of a kind and drops the rest; where there are more, the tenth names them.
    """

    name: ClassVar[str] = "github"

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """One workflow command a line. No text of a log can end one or begin another."""
        found = faults(report)
        lines = []
        for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE):
            commands = [_finding(run, each) for run, each in found if each.severity is severity]
            names = [run.name for run, each in found if each.severity is severity]
            if severity is Severity.ERROR:
                commands += [_unreadable(each) for each in report.unreadable]
                names += [each.path for each in report.unreadable]
            lines += folded(_KIND[severity], commands, names)
        return "\n".join([*lines, sanitise(totals(report))]) + "\n"


def _finding(run: RunReport, finding: Finding) -> str:
    remedy = f"\n{finding.remedies[0].change}" if finding.remedies else ""
    where = {"file": run.source.path, "title": f"{finding.code} {finding.rule}: {run.name}"}
    return command(_KIND[finding.severity], where, f"{finding.message}{remedy}")


def _unreadable(each: Unreadable) -> str:
    return command("error", {"file": each.path, "title": f"unreadable: {each.path}"}, each.message)
