"""Markdown, as GitHub shows it: step summaries, comments, issues."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from traindiag.model.finding import Evidence, Finding, Remedy
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.best import best_note
from traindiag.reports.many_markdown import many_markdown
from traindiag.reports.markup import cut, markdown_text
from traindiag.reports.numbers import counted, epochs_text, short
from traindiag.reports.ranking import MANY, grouped, most_severe_first
from traindiag.reports.sanitise import sanitise_lines
from traindiag.reports.sparkline import sparklines
from traindiag.reports.summary import MANY_RUNS
from traindiag.reports.totals import totals
from traindiag.reports.words import sentence

_MOST_NAMES = 20
_MARKS = {"error": "❌", "warning": "⚠️", "note": "🔵", "healthy": "✅", "unjudged": "❔"}


class MarkdownRenderer(Renderer):
    """A table of runs, the most severe first, and a folded section for each that is ill.

    Of more than 20 runs it begins with what holds for all of them, and the table stands at the end. Of more than 8 ill
    runs one of each verdict has a section, which names the others; with ``--verbose`` all have.

    Cut at a section when GitHub's limit for a step summary, 1 MiB, is reached; what was left out is said.
    """

    name: ClassVar[str] = "markdown"
    suffixes: ClassVar[tuple[str, ...]] = (".md", ".markdown")

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The page."""
        runs = most_severe_first(report.runs)
        ill = [run for run in runs if run.verdict.status == "ill"]
        groups = grouped(ill, apart=options.verbose or len(ill) <= MANY)
        told = [*_unreadable(report), *(_section(first, alike) for first, *alike in groups)]
        table = _table(runs) if runs else []
        title = f"## traindiag: {markdown_text(totals(report))}\n"
        if len(runs) > MANY_RUNS:
            return cut([title, *many_markdown(report.runs), *told, "\n### All runs\n", *table])
        return cut([title, *table, *told])


def _unreadable(report: Report) -> list[str]:
    lines = [f"- {_code(each.path)}: {markdown_text(each.message)}\n" for each in report.unreadable]
    return ["\n### Unreadable files\n\n", *lines] if lines else []


def verdict_markdown(run: RunReport) -> str:
    """What is said of one run, in Markdown without any HTML block: for programs that show only the simple kind."""
    verdict = run.verdict
    own, others = _split_findings(run)
    sure = f"{verdict.rule} {verdict.code}, {verdict.severity}, {verdict.confidence:.0%} sure"
    parts = [f"## {_mark(run)} {markdown_text(sentence(verdict.message))}\n\n{sure}\n\n"]
    for finding in own:
        parts += [_evidence(each) for each in finding.evidence]
        parts += [_plain_remedy(number, each) for number, each in enumerate(finding.remedies, 1)]
    parts += [_other(each) for each in others]
    return "".join(parts)


def _table(runs: list[RunReport]) -> list[str]:
    head = "\n| | run | verdict | epochs | best epoch | best value | train | val |\n"
    return [head + "|---|---|---|--:|--:|--:|---|---|\n", *map(_table_row, runs)]


def _table_row(run: RunReport) -> str:
    best = run.best
    metric = "loss" if best is None else best.monitor.removeprefix("val_").removeprefix("test_")
    cells = [
        _mark(run),
        _code(run.name),
        f"{run.verdict.rule} {run.verdict.code}",
        str(run.epochs),
        "" if best is None else str(best.epoch),
        "" if best is None else short(best.value),
        *sparklines([run.curve("train", metric), run.curve("val", metric)], 16),
    ]
    return "| " + " | ".join(cells) + " |\n"


def _mark(run: RunReport) -> str:
    status = run.verdict.status
    return _MARKS[run.verdict.severity.value if status == "ill" else status]


def _section(run: RunReport, alike: Sequence[RunReport]) -> str:
    verdict = run.verdict
    own, others = _split_findings(run)
    title = f"{_mark(run)} <b>{markdown_text(run.name)}</b>: {markdown_text(verdict.message)}"
    parts = [f"\n<details><summary>{title}</summary>\n\n"]
    parts.append(f"{verdict.rule} {verdict.code}, {verdict.severity}, {verdict.confidence:.0%} sure\n\n")
    parts += [f"{markdown_text(note)}\n\n" for note in [best_note(run)] if note]
    for finding in own:
        parts += [_evidence(each) for each in finding.evidence]
        parts += [_remedy(number, each) for number, each in enumerate(finding.remedies, 1)]
    parts += [_other(each) for each in others]
    if alike:
        parts.append(f"\nThe same in {counted(len(alike), 'other run')}: {_names(alike)}\n")
    return "".join(parts) + "\n</details>\n"


def _names(runs: Sequence[RunReport]) -> str:
    names = ", ".join(_code(run.name) for run in runs[:_MOST_NAMES])
    return f"{names} and {len(runs) - _MOST_NAMES:,} more" if len(runs) > _MOST_NAMES else names


def _split_findings(run: RunReport) -> tuple[list[Finding], list[Finding]]:
    own = [each for each in run.findings if each.rule == run.verdict.rule][:1]
    return own, [each for each in run.findings if each not in own]


def _evidence(evidence: Evidence) -> str:
    limit = "" if evidence.threshold is None else f" (limit {short(evidence.threshold)})"
    place = f"{_code(evidence.series)}, {epochs_text(evidence.epochs)}"
    return f"- {place}: **{short(evidence.observed)}**, {markdown_text(evidence.note)}{limit}\n"


def _remedy(number: int, remedy: Remedy) -> str:
    why = f"<br>{markdown_text(sentence(remedy.why))}" if remedy.why else ""
    text = f"\n{number}. **{markdown_text(sentence(remedy.change))}**{why}\n"
    if remedy.snippet:
        lines = sanitise_lines(remedy.snippet)
        fence = _fence(lines)
        text += "".join(f"   {line}\n" for line in ["", f"{fence}python", *lines, fence])
    return text


def _plain_remedy(number: int, remedy: Remedy) -> str:
    """As a heading, not an item: only GitHub's Markdown knows fenced code inside of lists."""
    text = f"\n### {number}. {markdown_text(sentence(remedy.change))}\n"
    text += f"\n{markdown_text(sentence(remedy.why))}\n" if remedy.why else ""
    if remedy.snippet:
        lines = sanitise_lines(remedy.snippet)
        fence = _fence(lines)
        text += "\n" + "".join(f"{line}\n" for line in [f"{fence}python", *lines, fence])
    return text


def _other(finding: Finding) -> str:
    mark = _MARKS[finding.severity.value]
    return f"\n{mark} {finding.rule} {finding.code}: {markdown_text(sentence(finding.message))}\n"


def _fence(lines: list[str]) -> str:
    """More backticks than any line holds in a row."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    return "`" * max(3, longest + 1)


def _code(text: str) -> str:
    """Log text in a code span; an element, because backticks and table bars inside backticks need no care."""
    return f"<code>{markdown_text(text)}</code>"
