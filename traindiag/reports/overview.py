"""The table of runs at the top of the terminal report: one line a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from traindiag.model.report import RunReport
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import short
from traindiag.reports.sparkline import ASCII_BROKEN, BROKEN, sparklines

GAP = "  "
SPARK_WIDTHS = (7, 24)
LEAST_NAME = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table.

    Attributes:
        cells: one a run.
        right: whether they stand to the right, as numbers do.
        least: width it has at least.
    """

    title: str
    cells: list[Text]
    right: bool = False
    least: int = 0

    @property
    def width(self) -> int:
        """Of the widest cell, or of the title."""
        return max([self.least, len(self.title), *(cell.cell_len for cell in self.cells)])


def overview(runs: Sequence[RunReport], ink: Ink) -> list[Text]:
    """Name, verdict, epochs, best epoch and value, and the train and validation loss in small.

    On a narrow page the curves go first, then epochs and best epoch.
    """
    fixed, width, spark = _fitted(runs, ink)
    marks = Column(title="", cells=[ink.verdict_mark(run.verdict) for run in runs])
    names = Column(title="run", cells=[ink.tail(run.name, width) for run in runs])
    return _table([marks, names, *fixed, *(_sparks(runs, spark, ink) if spark else [])], ink)


def _fitted(runs: Sequence[RunReport], ink: Ink) -> tuple[list[Column], int, int]:
    """The columns between name and curves, and the width of the names and of each curve; 0 for no curves."""
    longest = max(len("run"), *(ink.text(run.name).cell_len for run in runs))
    fixed = [_verdicts(runs, ink), *_numbers(runs)]
    room = _room(fixed, ink)
    gaps, spark = 2 * len(GAP), 0
    if room >= LEAST_NAME + gaps + 2 * SPARK_WIDTHS[0]:
        spark = _spark_width(runs, room - gaps, longest)
        room -= gaps + 2 * spark
    elif room < LEAST_NAME:
        fixed = [fixed[0], fixed[-1]]
        room = _room(fixed, ink)
    return fixed, min(longest, max(LEAST_NAME, room)), spark


def _room(fixed: Sequence[Column], ink: Ink) -> int:
    """Columns of the page that are left for names and curves."""
    return ink.options.width - len("x ") - sum(len(GAP) + column.width for column in fixed)


def legend(runs: Sequence[RunReport], ink: Ink) -> Text:
    """What the table does not say itself, once."""
    parts = ["Epochs count from 0"]
    if any(curve.axis == "step" for run in runs for curve in run.curves if curve.metric == loss_name(run)):
        parts[0] += " (steps where a log has no epochs)"
    if not _fitted(runs, ink)[2]:
        return ink.text(f"{parts[0]}.", "dim")
    parts.append("train and val: loss, one scale a run")
    if any(_broken(run) for run in runs):
        parts.append(f"{ASCII_BROKEN if ink.options.ascii else BROKEN} is NaN or infinite")
    return ink.text("; ".join(parts) + ".", "dim")


def loss_name(run: RunReport) -> str:
    """The metric drawn for a run: the one its best epoch was chosen by, without the split."""
    if run.best is None:
        return "loss"
    return run.best.monitor.removeprefix("val_").removeprefix("test_")


def _verdicts(runs: Sequence[RunReport], ink: Ink) -> Column:
    cells = [ink.text(run.verdict.rule, ink.verdict_style(run.verdict)) for run in runs]
    return Column(title="verdict", cells=cells)


def _numbers(runs: Sequence[RunReport]) -> list[Column]:
    bests = [run.best for run in runs]
    epochs = [str(run.epochs) for run in runs]
    best = ["" if each is None else str(each.epoch) for each in bests]
    value = ["" if each is None else short(each.value) for each in bests]
    columns = {"epochs": epochs, "best": best, _value_title(runs): value}
    return [
        Column(title=title, cells=[Text(cell) for cell in cells], right=True)
        for title, cells in columns.items()
    ]


def _table(columns: Sequence[Column], ink: Ink) -> list[Text]:
    """A line of titles, a rule, and a line a run."""
    widths = [column.width for column in columns]
    rules = [Text(ink.rule_line * width, "dim") for width in widths]
    rows = zip(*(column.cells for column in columns), strict=True)
    heads = [Text(column.title, "bold") for column in columns]
    return [_line(row, columns, widths) for row in (heads, rules, *rows)]


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int]) -> Text:
    line = Text()
    for at, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        blank = Text(" " * (width - cell.cell_len))
        # One blank after the mark, which has no title.
        line.append("" if at == 0 else GAP if columns[at - 1].title else " ")
        for part in (blank, cell) if column.right else (cell, blank):
            line.append_text(part)
    line.rstrip()
    return line


def _value_title(runs: Sequence[RunReport]) -> str:
    monitors = {run.best.monitor for run in runs if run.best is not None}
    only = monitors.pop() if len(monitors) == 1 else ""
    return only if only.isidentifier() and only.isascii() and len(only) <= 12 else "loss"


def _spark_width(runs: Sequence[RunReport], room: int, longest_name: int) -> int:
    """Columns of one sparkline: what the names leave, within limits, no more than the longest run needs."""
    least, most = SPARK_WIDTHS
    needed = max(run.epochs for run in runs)
    return max(least, min(most, needed, (room - longest_name) // 2))


def _sparks(runs: Sequence[RunReport], width: int, ink: Ink) -> list[Column]:
    pairs = []
    for run in runs:
        metric = loss_name(run)
        curves = [run.curve("train", metric), run.curve("val", metric)]
        pairs.append(sparklines(curves, width, ascii=ink.options.ascii))
    train = [_coloured(pair[0], "blue") for pair in pairs]
    val = [_coloured(pair[1], "magenta") for pair in pairs]
    return [Column(title="train", cells=train, least=width), Column(title="val", cells=val, least=width)]


def _coloured(spark: str, style: str) -> Text:
    text = Text(spark, style=style)
    text.highlight_regex(f"[{BROKEN}{ASCII_BROKEN}]+", "bold red")
    return text


def _broken(run: RunReport) -> bool:
    return any(not np.isfinite(curve.value).all() for curve in run.curves if curve.metric == loss_name(run))
