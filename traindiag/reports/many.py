"""The first page of the terminal report on many runs: what holds for all of them, with names to go on with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from traindiag.model.report import RunReport
from traindiag.reports.ink import Ink
from traindiag.reports.summary import FolderCount, VerdictCount, separation_text, spent_text, summary_of

MOST_FOLDERS = 10
MOST_SEPARATIONS = 8
_LEAST_NAMES = 24


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
            lines.append(_cut(ink, f"  {separation_text(each)}"))
    spent = spent_text(summary.spent, len(runs))
    if spent:
        lines += [blank, *_wrapped(ink, spent)]
    return lines


def hint(runs: Sequence[RunReport], ink: Ink) -> Text:
    """How to see one run in full, and all of them in a table."""
    ill = next((run for run in runs if run.verdict.status == "ill"), runs[0])
    return Text.assemble(
        Text("--run NAME tells one in full, as in ", "dim"),
        ink.text(f"--run '{ill.name}'", "dim bold"),
        Text("; --verbose lists all.", "dim"),
    )


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
        line.append_text(_names(each.runs, ink, ink.options.width - line.cell_len))
        lines.append(line)
    return lines


def _names(runs: Sequence[RunReport], ink: Ink, room: int) -> Text:
    """As many names as fit, at least one."""
    shown = ink.tail(runs[0].name, max(_LEAST_NAMES, room - 5))
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


def _cut(ink: Ink, text: str) -> Text:
    line = ink.text(text)
    line.truncate(ink.options.width, overflow="crop")
    return line


def _wrapped(ink: Ink, text: str) -> list[Text]:
    words, lines = text.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > ink.options.width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [ink.text(line) for line in lines]
