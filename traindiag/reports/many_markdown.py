"""What holds for many runs at once, as Markdown: the same as the terminal report begins with."""

from __future__ import annotations

from collections.abc import Sequence

from traindiag.model.report import RunReport
from traindiag.reports.markup import markdown_text
from traindiag.reports.summary import Summary, VerdictCount, separation_text, spent_text, summary_of

_MOST_FOLDERS = 20
_MOST_SEPARATIONS = 8
_NAMES = 3
_SHARED = 2


def many_markdown(runs: Sequence[RunReport]) -> list[str]:
    """Verdicts, folders, hyper-parameters and what was spent, the worst first."""
    summary = summary_of(runs)
    apart = ("| what sets them apart ", "|---") if summary.tells_apart else ("", "")
    parts = [
        f"\n| verdict | runs {apart[0]}| such as |\n|---|--:{apart[1]}|---|\n",
        *(_verdict(each, summary.tells_apart) for each in summary.verdicts),
    ]
    if len(summary.folders) > 1:
        parts += ["\n| folder | ill | of runs | mostly |\n|---|--:|--:|---|\n", *_folders(summary)]
    if summary.separations:
        parts.append("\nWhat separates ill from healthy runs:\n\n")
        shown = summary.separations[:_MOST_SEPARATIONS]
        parts += [f"- {markdown_text(separation_text(each))}\n" for each in shown]
    spent = spent_text(summary.spent, len(runs))
    return [*parts, f"\n{markdown_text(spent)}\n" if spent else ""]


def _verdict(count: VerdictCount, tells_apart: bool) -> str:
    shared = "<br>".join(markdown_text(separation_text(each, "")) for each in count.separations[:_SHARED])
    names = ", ".join(_code(run.name) for run in count.runs[:_NAMES])
    cells = [f"{count.verdict.rule} {count.verdict.code}", f"{len(count.runs):,}", shared, names]
    return "| " + " | ".join(cells if tells_apart else [*cells[:2], names]) + " |\n"


def _folders(summary: Summary) -> list[str]:
    rows = [
        f"| {_code(each.folder)} | {each.ill:,} | {each.runs:,} | {each.mostly.rule} |\n"
        for each in summary.folders[:_MOST_FOLDERS]
    ]
    more = len(summary.folders) - len(rows)
    return [*rows, f"| and {more:,} more | | | |\n" if more > 0 else ""]


def _code(text: str) -> str:
    return f"<code>{markdown_text(text)}</code>"
