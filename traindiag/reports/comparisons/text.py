"""Comparisons for a person at a terminal."""

from __future__ import annotations

from io import StringIO
from typing import ClassVar

from rich.console import Console
from rich.text import Text

from traindiag.comparison.shapes import Comparison, ComparisonReport, Contrast, Group, Judgment
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.table import columns
from traindiag.reports.comparisons.words import legend, notes, others, reason, sentence
from traindiag.reports.ink import Ink, console_on, trimmed

GAP = "  "
LEAST_NAME = 8
_MARKS = {"regressed": "✗x", "improved": "✓+", "same": "==", "cannot tell": "??"}
_STYLES = {"regressed": "red", "improved": "green", "same": "green", "cannot tell": "bright_black"}


class TextRenderer(ComparisonRenderer):
    """A table of the groups, then a verdict on each with its reasons."""

    name: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The comparisons at `options.width` columns; names from logs are sanitised."""
        page = StringIO()
        console = console_on(page, options)
        for number, comparison in enumerate(report.comparisons):
            if number:
                console.print()
            _Page(console, Ink(options)).write(comparison)
        return trimmed(page)


class _Page:
    def __init__(self, console: Console, ink: Ink) -> None:
        self.console = console
        self.ink = ink

    def write(self, comparison: Comparison) -> None:
        self._table(comparison)
        self._legend(comparison)
        for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True):
            self.console.print()
            self._contrast(comparison, contrast, group)

    def _table(self, comparison: Comparison) -> None:
        judgments: list[Judgment | None] = [None, *(each.judgment for each in comparison.contrasts)]
        shown = self._fitting(_padded([[each.title, *each.cells] for each in columns(comparison)]))
        room = self.ink.options.width - 2 - sum(len(GAP) + len(column[0]) for column in shown)
        name = max(
            LEAST_NAME, min(room, max(self.ink.text(group.name).cell_len for group in comparison.groups))
        )
        head, *rows = zip(*shown, strict=True)
        self._print(self.ink.text(f"  {'group':<{name}}{GAP}{GAP.join(head)}", "bold"))
        lines = GAP.join(self.ink.rule_line * len(title) for title in head)
        self._print(self.ink.text(f"  {self.ink.rule_line * name}{GAP}{lines}", "dim"))
        for group, row, judgment in zip(comparison.groups, rows, judgments, strict=True):
            tail = self.ink.tail(group.name, name)
            cells = self.ink.text(" " * (name - tail.cell_len) + GAP + GAP.join(row))
            self._print(Text.assemble(self._mark(judgment), " ", tail, cells))

    def _fitting(self, found: list[list[str]]) -> list[list[str]]:
        """The columns that leave room for names; the last ones go first, runs and the best stay."""
        while len(found) > 2:
            needed = 2 + LEAST_NAME + sum(len(GAP) + len(column[0]) for column in found)
            if needed <= self.ink.options.width:
                break
            found = found[:-1]
        return found

    def _legend(self, comparison: Comparison) -> None:
        self._wrapped(self.ink.text(legend(comparison), "dim"), indent=0)

    def _contrast(self, comparison: Comparison, contrast: Contrast, group: Group) -> None:
        head = Text.assemble(
            self._mark(contrast.judgment),
            " ",
            self.ink.tail(group.name, self.ink.options.width - 24),
            "  ",
            (contrast.judgment, f"bold {_STYLES[contrast.judgment]}"),
            (" TD801" if contrast.judgment == "regressed" else "", "dim"),
        )
        self._print(head)
        self._wrapped(self.ink.text(reason(comparison, contrast)))
        self._wrapped(self.ink.text(others(comparison.base, group), "dim"))
        for note in notes(comparison.base, group):
            self._wrapped(self.ink.text(note))
        if contrast.advice:
            self._wrapped(self.ink.text(sentence(contrast.advice)))

    def _mark(self, judgment: Judgment | None) -> Text:
        if judgment is None:
            return Text(" ")
        return Text(_MARKS[judgment][self.ink.options.ascii], style=f"bold {_STYLES[judgment]}")

    def _wrapped(self, text: Text, indent: int = 2) -> None:
        for line in text.wrap(self.console, self.ink.options.width - indent):
            line.rstrip()
            self._print(Text.assemble(" " * indent, line))

    def _print(self, line: Text) -> None:
        line.rstrip()
        self.console.print(line, soft_wrap=True)


def _padded(found: list[list[str]]) -> list[list[str]]:
    """The columns with all cells of each as wide as its widest, numbers to the right."""
    return [[f"{cell:>{max(map(len, column))}}" for cell in column] for column in found]
