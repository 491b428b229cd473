"""The first page of the terminal report on many runs: what holds for all of them, with names to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from textwrap import wrap

from rich.text import Text

from traindiag.model.report import RunReport
from traindiag.reports.ink import Ink
from traindiag.reports.ranking import most_severe_first
from traindiag.reports.summary import FolderCount, VerdictCount, separation_text, spent_text, summary_of

MOST_FOLDERS = 10
MOST_SEPARATIONS = 8
_LEAST_NAMES = 16


def many(runs: Sequence[RunReport], ink: Ink) -> list[Text]:
    """Verdicts, folders, hyper-parameters and what was spent, the worst first."""
    summary = summary_of(runs)
    lines = [Text("Verdicts, worst first", "bold underline"), *_verdicts(summary.verdicts, ink)]
    blank = Text()
    if len(summary.folders) > 1:
        lines += [blank, Text("Folders, worst first", "bold underline"), *_folders(summary.folders, ink)]
    if summary.separations:
        lines += [blank, Text("What separates ill from healthy runs", "bold underline")]
        for each in summary.separations[:MOST_SEPARATIONS]:
            lines += _wrapped(ink, separation_text(each), indent=2)
    spent = spent_text(summary.spent, len(runs))
    if spent:
        lines += [blank, *_wrapped(ink, spent)]
    return lines


def hint(runs: Sequence[RunReport], ink: Ink) -> list[Text]:
    """How to see one run in full, the worst as the example, and all of them in a table."""
    worst = most_severe_first(runs)[0]
    words = [
        Text("All in a table: --verbose. One in full:", "dim"),
        ink.text(f"--run {quote(worst.name)}", "dim bold"),
    ]
    one_line = Text(" ").join(words)
    return [one_line] if one_line.cell_len <= ink.options.width else words


def _verdicts(counts: Sequence[VerdictCount], ink: Ink) -> list[Text]:
    names = [f"{each.verdict.rule} {each.verdict.code}" for each in counts]
    wide = max(map(len, names))
    most = max(len(f"{len(each.runs):,}") for each in counts)
    lines = []
    for name, each in zip(names, counts, strict=True):
        line = Text.assemble(
            *(ink.verdict_mark(each.verdict), " "),
            ink.text(name.ljust(wide), ink.verdict_style(each.verdict)),
            "  ",
            Text(f"{len(each.runs):>{most},}", "bold"),
            "  ",
        )
        room = ink.options.width - line.cell_len
        if room > _LEAST_NAMES:
            line.append_text(_names(each.runs, ink, room))
        lines.append(line)
        for shared in each.separations[:1]:
            lines += _wrapped(ink, separation_text(shared, ""), indent=4)
    return lines


def _names(runs: Sequence[RunReport], ink: Ink, room: int) -> Text:
    """As many names as fit, at least one."""
    shown = ink.tail(runs[0].name, room - 5)
    for place, run in enumerate(runs[1:], 1):
        name = ink.text(run.name)
        rest = len(", ...") if place < len(runs) - 1 else 0
        if shown.cell_len + 2 + name.cell_len + rest > room:
            return shown.append(", ..." if shown.cell_len + 5 <= room else "")
        shown.append(", ").append_text(name)
    return shown


def _folders(counts: Sequence[FolderCount], ink: Ink) -> list[Text]:
    shown = counts[:MOST_FOLDERS]
    verdict = max(len(each.mostly.rule) for each in shown)
    number = max(len(f"{each.runs:,}") for each in shown)
    room = ink.options.width - verdict - 2 * number - len("    of  ill  ")
    wide = min(room, max(ink.text(each.folder).cell_len for each in shown))
    lines = []
    for each in shown:
        name = ink.tail(each.folder, wide)
        lines.append(
            Text.assemble(
                *("  ", name, " " * (wide - name.cell_len)),
                f"  {each.ill:>{number},} of {each.runs:>{number},} ill  ",
                ink.text(each.mostly.rule, ink.verdict_style(each.mostly)),
            )
        )
    if len(counts) > len(shown):
        lines.append(Text(f"  and {len(counts) - len(shown):,} more folders", "dim"))
    return lines


def _wrapped(ink: Ink, text: str, indent: int = 0) -> list[Text]:
    """Text in lines of the page; a word that is too long for one is broken."""
    room = max(1, ink.options.width - indent)
    return [Text(" " * indent + line) for line in wrap(ink.text(text).plain, room)]
