"""The report for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import ClassVar

from rich.console import Console
from rich.text import Text

from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.details import Details
from traindiag.reports.ink import Ink, console_on, trimmed
from traindiag.reports.many import hint, many
from traindiag.reports.numbers import counted
from traindiag.reports.overview import legend, overview
from traindiag.reports.ranking import MANY, grouped
from traindiag.reports.summary import MANY_RUNS
from traindiag.reports.totals import totals


class TextRenderer(Renderer):
    """A table of all runs, then what is wrong with each ill one and what to change."""

    name: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The report at `options.width` columns; log text is sanitised."""
        page = StringIO()
        console = console_on(page, options)
        _Page(console, Ink(options)).write(report)
        return trimmed(page)


class _Page:
    def __init__(self, console: Console, ink: Ink) -> None:
        self.console = console
        self.ink = ink
        self.details = Details(console, ink)

    def write(self, report: Report) -> None:
        if len(report.runs) > MANY_RUNS:
            for line in [*many(report.runs, self.ink), *hint(report.runs, self.ink)]:
                self.console.print(line, soft_wrap=True)
        if report.runs and (len(report.runs) <= MANY_RUNS or self.ink.options.verbose):
            for line in overview(report.runs, self.ink):
                self.console.print(line, soft_wrap=True)
            self.details.paragraph("", legend(report.runs, self.ink), indent=0)
        self._ill([run for run in report.runs if run.verdict.status == "ill"])
        self._healthy_with_findings([run for run in report.runs if run.verdict.status == "healthy"])
        self._unjudged([run for run in report.runs if run.verdict.status == "unjudged"])
        self._unreadable(report)
        self._not_checked(report.runs)
        self.console.print()
        self.details.paragraph("", self.ink.text(totals(report), "bold"), indent=0)

    def _ill(self, runs: Sequence[RunReport]) -> None:
        for group in grouped(runs, apart=self.ink.options.verbose or len(runs) <= MANY):
            self.details.ill(group[0], group[1:])

    def _healthy_with_findings(self, runs: Sequence[RunReport]) -> None:
        noted = [run for run in runs if any(each.rule != run.verdict.rule for each in run.findings)]
        if not noted:
            return
        self._title("Healthy, with remarks")
        for run in noted if self.ink.options.verbose else noted[:MANY]:
            self.details.remarks(run)
        if len(noted) > MANY and not self.ink.options.verbose:
            self.console.print(Text(f"  and {len(noted) - MANY} more; --verbose lists them", "dim"))

    def _unjudged(self, runs: Sequence[RunReport]) -> None:
        if runs:
            self._title("Not judged")
        if self.ink.options.verbose or len(runs) <= MANY:
            for run in runs:
                self.details.line(run)
            return
        for group in grouped(runs, apart=False):
            self.details.lines(group)

    def _unreadable(self, report: Report) -> None:
        if report.unreadable:
            self._title("Unreadable")
        for each in report.unreadable:
            body = Text.assemble(self.ink.text(each.path, "bold"), "  ", self.ink.text(each.message))
            self.details.paragraph("", body, indent=0, hang=2)

    def _not_checked(self, runs: Sequence[RunReport]) -> None:
        failed = [(run, outcome) for run in runs for outcome in run.errored]
        if failed:
            self._title("Rules that failed (please report this)")
        for run, outcome in failed:
            body = self.ink.text(f"{outcome.rule} on {run.name}: {outcome.reason}", "red")
            self.details.paragraph("", body, indent=0, hang=2)
        reasons = skipped_by_reason(runs)
        if not reasons:
            return
        if not self.ink.options.verbose:
            self.console.print()
            self.details.paragraph("", Text(_not_checked_note(runs), "dim"), indent=0)
            return
        self._title("Not checked")
        for reason, named in reasons.items():
            body = Text.assemble(self.ink.text(", ".join(named)), self.ink.text(f": {reason}", "dim"))
            self.details.paragraph("", body, indent=0, hang=2)

    def _title(self, title: str) -> None:
        self.console.print()
        self.console.print(self.ink.text(title, "bold underline"), soft_wrap=True)


def _not_checked_note(runs: Sequence[RunReport]) -> str:
    """How many rules had no data on any run, and how many on some."""
    skipped = [{outcome.rule for outcome in run.skipped} for run in runs]
    nowhere = set.intersection(*skipped)
    somewhere = set.union(*skipped) - nowhere
    parts = [counted(len(nowhere), "rule")] if nowhere else []
    if somewhere:
        many = str(len(somewhere)) if nowhere else counted(len(somewhere), "rule")
        parts.append(f"{many} on some runs")
    return f"Not checked for want of data: {', '.join(parts)}; --verbose says which."


def skipped_by_reason(runs: Sequence[RunReport]) -> dict[str, list[str]]:
    """The rules that were skipped for each reason, over all runs."""
    reasons: dict[str, set[str]] = {}
    for run in runs:
        for outcome in run.skipped:
            reasons.setdefault(outcome.reason, set()).add(outcome.rule)
    return {reason: sorted(rules) for reason, rules in sorted(reasons.items())}
