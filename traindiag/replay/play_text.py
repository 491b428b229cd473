"""A replay, or a run that is being watched, in lines: one an epoch, and what traindiag says when it changes."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from traindiag.model.finding import Finding
from traindiag.model.report import RunReport
from traindiag.replay.changes import Change
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import short
from traindiag.reports.words import sentence

COLUMN = 10
EPOCH = 7


class Commentary:
    """Lines about one run.

    Args:
        ink: makes text safe and coloured.
        width: columns of a line.
    """

    def __init__(self, ink: Ink, width: int) -> None:
        self.ink = ink
        self.width = width

    def head(self, report: RunReport) -> Text:
        """The titles of the columns."""
        train, val = _losses(report)
        return self.ink.text(f"{'epoch':>{EPOCH}}  {train:<{COLUMN}}{val:<{COLUMN}}verdict", "bold")

    def epoch(self, epoch: int, logs: Mapping[str, float], report: RunReport) -> Text:
        """One epoch: its losses and the verdict so far."""
        cells = [short(logs[name]) if name in logs else "" for name in _losses(report)]
        verdict = report.verdict
        return Text.assemble(
            self.ink.text(f"{epoch:>{EPOCH}}  {cells[0]:<{COLUMN}}{cells[1]:<{COLUMN}}"),
            self.ink.verdict_mark(verdict),
            " ",
            self.ink.text(verdict.rule, self.ink.verdict_style(verdict)),
        )

    def news(self, change: Change) -> list[Text]:
        """What came and what went, each in a sentence, wrapped."""
        lines: list[Text] = []
        for finding in change.new:
            lines += self.finding(finding)
        for finding in change.cleared:
            lines += self._wrapped(self.ink.text("✓" if not self.ink.options.ascii else "+", "green"),
                                   self.ink.text(f"{finding.rule}: no longer"))  # fmt: skip
        return lines

    def finding(self, finding: Finding) -> list[Text]:
        """A finding and its first remedy."""
        mark = self.ink.severity_mark(finding.severity)
        body = Text.assemble(
            self.ink.text(f"{finding.rule}: ", "bold"), self.ink.text(sentence(finding.message))
        )
        lines = self._wrapped(mark, body)
        if finding.remedies:
            arrow = self.ink.text("->" if self.ink.options.ascii else "→", "cyan")
            lines += self._wrapped(arrow, self.ink.text(sentence(finding.remedies[0].change)))
        return lines

    def _wrapped(self, mark: Text, body: Text) -> list[Text]:
        from rich.console import Console

        indent = EPOCH + 2
        console = Console(width=self.width, file=None, force_terminal=False)
        lines = body.wrap(console, self.width - indent - 2)
        blank = " " * (indent + 2)
        wrapped = []
        for number, line in enumerate(lines):
            line.rstrip()
            head = Text.assemble(" " * indent, mark, " " * (2 - mark.cell_len)) if not number else Text(blank)
            wrapped.append(Text.assemble(head, line))
        return wrapped


def _losses(report: RunReport) -> tuple[str, str]:
    """Names of the training and validation loss in the logs."""
    losses = {trend.series for trend in report.trends}
    train = next((each.partition("/")[2] for each in sorted(losses) if each.startswith("train/")), "loss")
    val = next((each.replace("/", "_", 1) for each in sorted(losses) if not each.startswith("train/")), "")
    return train, val or f"val_{train}"
