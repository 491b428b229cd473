"""Markdown, as GitHub shows it: for a comment on a pull request or a step summary."""

from __future__ import annotations

from typing import ClassVar

from traindiag.comparison.shapes import Comparison, ComparisonReport, Judgment
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.table import columns
from traindiag.reports.comparisons.words import legend, told
from traindiag.reports.markup import cut, markdown_text

_MARKS: dict[Judgment, str] = {"regressed": "❌", "improved": "✅", "same": "🟰", "cannot tell": "❔"}


class MarkdownRenderer(ComparisonRenderer):
    """A heading a metric, the table of groups, and a list of verdicts. No text of a log can start markup.

    Cut at a row when GitHub's limit for a step summary, 1 MiB, is reached; what was left out is said.
    """

    name: ClassVar[str] = "markdown"
    suffixes: ClassVar[tuple[str, ...]] = (".md", ".markdown")

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The page."""
        sections = [line for each in report.comparisons for line in _comparison(each)]
        sections += ["### Unreadable files\n\n"] if report.unreadable else []
        sections += [
            f"- {markdown_text(each.path)}: {markdown_text(each.message)}\n" for each in report.unreadable
        ]
        return cut(sections).rstrip() + "\n"


def _comparison(comparison: Comparison) -> list[str]:
    found = columns(comparison)
    marks = ["", *(_MARKS[each.judgment] for each in comparison.contrasts)]
    names = [group.name for group in comparison.groups]
    rows = zip(*(each.cells for each in found), strict=True)
    title = f"{markdown_text(comparison.metric)} against {markdown_text(comparison.base.name)}"
    head = _row("", "group", *(markdown_text(each.title) for each in found))
    return [
        f"## traindiag: {title}\n\n{head}{_row('---', '---', *('---:' for _ in found))}",
        *(
            _row(mark, markdown_text(name), *map(markdown_text, cells))
            for mark, name, cells in zip(marks, names, rows, strict=True)
        ),
        f"\n{markdown_text(legend(comparison))}\n\n",
        *_verdicts(comparison),
        "\n",
    ]


def _verdicts(comparison: Comparison) -> list[str]:
    lines = []
    for contrast, group in zip(comparison.contrasts, comparison.groups[1:], strict=True):
        said = markdown_text(" ".join(told(comparison, contrast, group)))
        head = f"{_MARKS[contrast.judgment]} **{markdown_text(group.name)}: {contrast.judgment}.**"
        lines.append(f"- {head} {said}\n")
    return lines


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"
