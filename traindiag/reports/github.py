"""GitHub annotations: workflow commands that a job prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from traindiag.model.finding import Finding, Severity
from traindiag.model.report import Report, RunReport, Unreadable
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.numbers import counted
from traindiag.reports.ranking import faults
from traindiag.reports.sanitise import sanitise
from traindiag.reports.totals import totals

CAP = 10
"""GitHub shows ten annotations of each kind a step and drops the rest without a word."""
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
            lines += _folded(_KIND[severity], commands, names)
        return "\n".join([*lines, sanitise(totals(report))]) + "\n"


def _folded(kind: str, commands: list[str], names: list[str]) -> list[str]:
    if len(commands) <= CAP:
        return commands
    rest = list(dict.fromkeys(names[CAP - 1 :]))
    shown = ", ".join(rest[:20]) + (f" and {len(rest) - 20} more" if len(rest) > 20 else "")
    title = f"{counted(len(commands) - CAP + 1, 'more finding')}"
    return [*commands[: CAP - 1], _command(kind, {"title": title}, f"in {shown}")]


def _finding(run: RunReport, finding: Finding) -> str:
    remedy = f"\n{finding.remedies[0].change}" if finding.remedies else ""
    where = {"file": run.source.path, "title": f"{finding.code} {finding.rule}: {run.name}"}
    return _command(_KIND[finding.severity], where, f"{finding.message}{remedy}")


def _unreadable(each: Unreadable) -> str:
    return _command("error", {"file": each.path, "title": f"unreadable: {each.path}"}, each.message)


def _command(kind: str, properties: dict[str, str], message: str) -> str:
    """A workflow command, escaped as GitHub's own toolkit does."""
    pairs = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {pairs}::{_data(message.split(chr(10)))}"


def _data(lines: Iterable[str]) -> str:
    return "%0A".join(sanitise(line).replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return sanitise(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
