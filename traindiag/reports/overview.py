"""The table of runs at the top of the terminal report: one line a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from traindiag.model.report import RunReport
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import short
from traindiag.reports.sparkline import ASCII_BROKEN, BROKEN, sparklines

GAP = "  "
SPARK_WIDTHS = (7, 24)
LEAST_NAME = 10
TITLES = ("", "run", "verdict", "epochs", "best", "loss", "train", "val")
RIGHT = ("epochs", "best", "loss")


def overview(runs: Sequence[RunReport], ink: Ink) -> list[Text]:
    """Name, verdict, epochs, best epoch and value, and the train and validation loss in small."""
    titles = [_value_title(runs) if title == "loss" else title for title in TITLES]
    rows = [_cells(run, ink) for run in runs]
    fixed = [max([len(title), *(row[at].cell_len for row in rows)]) for at, title in enumerate(titles[:6])]
    room = ink.options.width - sum(fixed[2:]) - 1 - len(GAP) * 6 - 1
    spark = _spark_width(runs, room, fixed[1])
    name = min(fixed[1], max(LEAST_NAME, room - 2 * spark))
    widths = [1, name, *fixed[2:], spark, spark]
    lines = [_line([Text(title, "bold") for title in titles], widths)]
    lines.append(_line([Text(ink.rule_line * width, "dim") for width in widths], widths))
    for run, row in zip(runs, rows, strict=True):
        row[1] = ink.tail(run.name, name)
        lines.append(_line([*row, *_sparks(run, spark, ink)], widths))
    return lines


def legend(runs: Sequence[RunReport], ink: Ink) -> Text:
    """What the table does not say itself, once."""
    parts = ["Epochs count from 0", "train and val: loss, one scale a run"]
    if any(curve.axis == "step" for run in runs for curve in run.curves if curve.metric == loss_name(run)):
        parts[0] += " (steps where a log has no epochs)"
    if any(_broken(run) for run in runs):
        parts.append(f"{ASCII_BROKEN if ink.options.ascii else BROKEN} is NaN or infinite")
    return ink.text("; ".join(parts) + ".", "dim")


def loss_name(run: RunReport) -> str:
    """The metric drawn for a run: the one its best epoch was chosen by, without the split."""
    if run.best is None:
        return "loss"
    return run.best.monitor.removeprefix("val_").removeprefix("test_")


def _cells(run: RunReport, ink: Ink) -> list[Text]:
    best = run.best
    return [
        ink.verdict_mark(run.verdict),
        ink.text(run.name),
        ink.text(run.verdict.rule, ink.verdict_style(run.verdict)),
        Text(str(run.epochs)),
        Text("" if best is None else str(best.epoch)),
        Text("" if best is None else short(best.value)),
    ]


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """The cells beside each other, the numbers of columns 3 to 5 to the right."""
    line = Text()
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        blank = Text(" " * (width - cell.cell_len))
        gap = GAP if at > 1 else " " if at else ""
        line.append(gap).append_text(blank if TITLES[at] in RIGHT else cell)
        line.append_text(cell if TITLES[at] in RIGHT else blank)
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


def _sparks(run: RunReport, width: int, ink: Ink) -> tuple[Text, Text]:
    metric = loss_name(run)
    train, val = sparklines(
        [run.curve("train", metric), run.curve("val", metric)], width, ascii=ink.options.ascii
    )
    return _coloured(train, "blue"), _coloured(val, "magenta")


def _coloured(spark: str, style: str) -> Text:
    text = Text(spark, style=style)
    text.highlight_regex(f"[{BROKEN}{ASCII_BROKEN}]+", "bold red")
    return text


def _broken(run: RunReport) -> bool:
    return any(not np.isfinite(curve.value).all() for curve in run.curves if curve.metric == loss_name(run))
