"""What the terminal report says of one run: verdict sentence, evidence, ranked remedies, symptoms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from rich.console import Console
from rich.text import Text

from traindiag.model.finding import Evidence, Finding, Remedy
from traindiag.model.report import RunReport
from traindiag.reports.best import best_note
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import counted, epochs_text, short
from traindiag.reports.sanitise import sanitise_lines
from traindiag.reports.words import sentence

GUTTER = 8
MOST_NAMES = 8
MOST = 3
"""Evidence and remedies shown of one finding unless everything is asked for."""


class Details:
    """Prints the blocks of single runs.

    Args:
        console: where to.
        ink: how text is made.
    """

    def __init__(self, console: Console, ink: Ink) -> None:
        self.console = console
        self.ink = ink

    def ill(self, run: RunReport, alike: Sequence[RunReport] = ()) -> None:
        """The whole block of an ill run; `alike` names other runs with the same verdict."""
        if self._heading(run):
            self.paragraph("", self.ink.text(run.name, "dim"), indent=2)
        self.paragraph("", self.ink.text(sentence(run.verdict.message), "bold"), indent=2)
        if note := best_note(run):
            self.paragraph("", self.ink.text(note, "dim"), indent=2)
        own, others = _split_findings(run)
        if own is not None:
            self._evidence(own.evidence)
            self._remedies(own.remedies)
        self._symptoms(others)
        self._damage(run)
        if alike:
            self._alike(alike)

    def line(self, run: RunReport) -> None:
        """A run that could not be judged, in one sentence, and what can be said of it all the same."""
        line = Text.assemble(
            *(self.ink.verdict_mark(run.verdict), " ", self.ink.text(run.name, "bold"), "  "),
            self.ink.text(f"{run.verdict.rule}: {sentence(run.verdict.message)}"),
        )
        self.paragraph("", line, indent=0, hang=2)
        self._symptoms(_split_findings(run)[1])

    def lines(self, runs: Sequence[RunReport]) -> None:
        """Several runs with one verdict that could not be judged: how many, then their names."""
        verdict = runs[0].verdict
        head = self.ink.text(f"{verdict.rule} {verdict.code}, {counted(len(runs), 'run')}: ", "bold")
        body = Text.assemble(self.ink.verdict_mark(verdict), " ", head, self._names(runs))
        self.paragraph("", body, indent=0, hang=2)

    def remarks(self, run: RunReport) -> None:
        """A healthy run about which something can still be said."""
        name = self.ink.text(run.name, "bold")
        self.console.print(Text.assemble(self.ink.verdict_mark(run.verdict), " ", name), soft_wrap=True)
        self._symptoms(_split_findings(run)[1])

    def paragraph(
        self, label: str, body: Text, *, indent: int = GUTTER, hang: int = 0, style: str = "dim"
    ) -> None:
        """`body` wrapped behind a label in the gutter."""
        width = max(20, self.ink.options.width - indent - hang)
        for number, line in enumerate(body.wrap(self.console, width)):
            line.rstrip()
            blank = " " * (indent + (hang if number else 0))
            head = Text(f"  {label}".ljust(indent), style) if label and number == 0 else Text(blank)
            self.console.print(Text.assemble(head, line), soft_wrap=True)

    def _heading(self, run: RunReport) -> bool:
        """One line across the page, two of a narrow one; whether the run's name had to be cut for it."""
        verdict = run.verdict
        right = f"{verdict.rule} {verdict.code}, {verdict.severity}, {verdict.confidence:.0%} sure"
        width = self.ink.options.width
        narrow = width < len(right) + 18
        name = self.ink.tail(run.name, width - 2 if narrow else width - len(right) - 6)
        name.stylize("bold")
        left = Text.assemble(self.ink.verdict_mark(verdict), " ", name, " ")
        filler = max(2, width - left.cell_len - len(right) - 1)
        line = Text(self.ink.rule_line * filler + " ", "dim")
        self.console.print()
        outcome = self.ink.text(right, self.ink.verdict_style(verdict))
        if narrow:
            left.rstrip()
            self.console.print(left, soft_wrap=True)
            self.paragraph("", outcome, indent=2)
        else:
            self.console.print(Text.assemble(left, line, outcome), soft_wrap=True)
        return self.ink.text(run.name).cell_len > name.cell_len

    def _evidence(self, evidence: Sequence[Evidence]) -> None:
        shown = evidence if self.ink.options.verbose else evidence[:MOST]
        for number, each in enumerate(shown):
            self.paragraph("" if number else "Seen", self._seen(each), hang=2)

    def _seen(self, evidence: Evidence) -> Text:
        limit = "" if evidence.threshold is None else f" (limit {short(evidence.threshold)})"
        return Text.assemble(
            self.ink.text(evidence.series, "cyan"),
            f", {epochs_text(evidence.epochs)}: ",
            (short(evidence.observed), "bold"),
            self.ink.text(f", {evidence.note}" if evidence.note else ""),
            limit,
        )

    def _remedies(self, remedies: Sequence[Remedy]) -> None:
        shown = remedies if self.ink.options.verbose else remedies[:MOST]
        for rank, remedy in enumerate(shown, 1):
            change = self.ink.text(f"{rank}. {sentence(remedy.change)}", "bold")
            self.paragraph("" if rank > 1 else "Do", change, hang=3)
            if remedy.why:
                self.paragraph("", self.ink.text(sentence(remedy.why)), indent=GUTTER + 3)
            self._snippet(remedy.snippet)
        if len(shown) < len(remedies):
            more = counted(len(remedies) - len(shown), "more remedy", "more remedies")
            self.paragraph("", Text(f"{more} with --verbose", "dim"), indent=GUTTER)

    def _snippet(self, snippet: str) -> None:
        for line in sanitise_lines(snippet, ascii=self.ink.options.ascii) if snippet else ():
            self.console.print(Text.assemble(" " * (GUTTER + 5), (line, "green")), soft_wrap=True)

    def _symptoms(self, findings: Sequence[Finding]) -> None:
        labels = ["Hence" if each.cause else "Also" for each in findings]
        for number, each in enumerate(findings):
            label = labels[number] if number == 0 or labels[number] != labels[number - 1] else ""
            name = self.ink.text(f"{each.rule} {each.code}: ", "bold")
            body = Text.assemble(
                self.ink.severity_mark(each.severity), " ", name, self.ink.text(sentence(each.message))
            )
            self.paragraph(label, body, hang=2)
            if self.ink.options.verbose:
                for evidence in each.evidence:
                    self.paragraph("", self._seen(evidence), indent=GUTTER + 2, hang=2)
                for remedy in each.remedies:
                    self.paragraph("", self.ink.text(remedy.change), indent=GUTTER + 2, hang=2)
                    self._snippet(remedy.snippet)

    def _damage(self, run: RunReport) -> None:
        for number, each in enumerate(run.source.damage):
            lost = f", {counted(each.records, 'record')} lost" if each.records else ""
            body = self.ink.text(f"{PurePath(each.path).name}, {each.place}: {each.what}{lost}")
            self.paragraph("" if number else "Log", body, hang=2)

    def _alike(self, runs: Sequence[RunReport]) -> None:
        body = Text.assemble(f"{counted(len(runs), 'other run')}: ", self._names(runs))
        self.paragraph("Same", body, hang=2)

    def _names(self, runs: Sequence[RunReport]) -> Text:
        shown = runs if self.ink.options.verbose else runs[:MOST_NAMES]
        width = self.ink.options.width - GUTTER - 4
        names = Text(", ").join(self.ink.tail(run.name, width) for run in shown)
        return names.append(f" and {len(runs) - len(shown)} more") if len(shown) < len(runs) else names


def _split_findings(run: RunReport) -> tuple[Finding | None, list[Finding]]:
    own = next((each for each in run.findings if each.rule == run.verdict.rule), None)
    return own, [each for each in run.findings if each is not own]
