"""A chart in a terminal: dots of Braille characters, two across and four up in each; plain marks in ASCII."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from traindiag.model.report import RunReport
from traindiag.reports.base import Options
from traindiag.reports.charts import Chart, Line, chart_of_loss
from traindiag.reports.ink import Ink
from traindiag.reports.numbers import short

COLORS = {"train": "blue", "val": "magenta", "test": "cyan"}
ASCII_MARKS = {"train": "*", "val": "o", "test": "+"}
MARGIN, NAMES = 12, 6
"""Columns for the values to the left and for the names of the lines to the right."""
# Unicode's order of the eight dots, by row and column.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def terminal_chart(run: RunReport, options: Options, height: int = 14) -> Text:
    """The loss of a run with its axes, in `height` lines and a few more for the words."""
    ink = Ink(options)
    chart = chart_of_loss(run, 4 * options.width)
    page = Text.assemble(
        ink.verdict_mark(run.verdict),
        " ",
        ink.text(run.name, "bold"),
        "  ",
        ink.text(run.verdict.rule, ink.verdict_style(run.verdict)),
        "\n",
    )
    if not any(np.isfinite(line.value).any() for line in chart.lines):
        return page.append("  no loss was logged\n", "dim")
    return page.append_text(chart_picture(chart, options, height))


def chart_picture(chart: Chart, options: Options, height: int) -> Text:
    """Any chart that has a value to draw, with its axes and what they count."""
    return _picture(chart, options, height).append_text(_words(chart))


def _picture(chart: Chart, options: Options, height: int) -> Text:
    columns = max(20, options.width - MARGIN - NAMES)
    across, up = (1, 1) if options.ascii else (2, 4)
    bits = np.zeros((height, columns), dtype=np.int64)
    owner = np.full((height, columns), "", dtype=object)
    low, high = _limits(chart)
    names: dict[int, Line] = {}
    for line in chart.lines:
        dots = _points(chart, line, columns * across, height * up, low, high)
        if dots:
            names[_free_row(names, height - 1 - dots[-1][1] // up, height)] = line
        for x, y in dots:
            row, column = height - 1 - y // up, x // across
            bits[row, column] |= int(_DOTS[up - 1 - y % up, x % across]) if not options.ascii else 1
            owner[row, column] = line.kind
    bar = "|" if options.ascii else "│"
    picture = Text()
    for row in range(height):
        picture.append(_label(chart, row, height, low, high).rjust(MARGIN - 1) + bar, "dim")
        for column in range(columns):
            kind = owner[row, column]
            mark = ASCII_MARKS.get(kind, "+") if options.ascii else chr(0x2800 + int(bits[row, column]))
            picture.append(mark if kind else " ", COLORS.get(kind, ""))
        if row in names:
            picture.append(f" {names[row].name}", COLORS.get(names[row].kind, ""))
        picture.rstrip()
        picture.append("\n")
    return picture.append_text(_foot(chart, columns, options))


def _free_row(taken: Collection[int], wanted: int, height: int) -> int:
    """The row nearest to the wanted one that bears no name yet."""
    return min((row for row in range(height) if row not in taken), key=lambda row: abs(row - wanted))


def _points(
    chart: Chart, line: Line, columns: int, rows: int, low: float, high: float
) -> list[tuple[int, int]]:
    """Dots of a line, with the gaps between neighbouring points filled."""
    first, last = _epochs(chart)
    dots: list[tuple[int, int]] = []
    before: tuple[int, int] | None = None
    for epoch, value in zip(line.epoch.tolist(), line.value.tolist(), strict=True):
        if np.isnan(value):
            before = None
            continue
        height = (_scaled(chart, value) - low) / (high - low) if high > low else 0.5
        share = (epoch - first) / (last - first) if last > first else 0.5
        now = (round(share * (columns - 1)), round(height * (rows - 1)))
        dots += _between(before, now) if before is not None else [now]
        before = now
    return dots


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    x = np.rint(np.linspace(start[0], end[0], steps + 1)).astype(int).tolist()
    y = np.rint(np.linspace(start[1], end[1], steps + 1)).astype(int).tolist()
    return list(zip(x, y, strict=True))


def _foot(chart: Chart, columns: int, options: Options) -> Text:
    """The horizontal axis: NaN marks on it, first and last epoch below."""
    line, mark = ("-", "x") if options.ascii else ("─", "×")
    first, last = _epochs(chart)
    cells = [line] * columns
    for epoch in _broken(chart):
        share = (epoch - first) / (last - first) if last > first else 0.5
        cells[round(float(share) * (columns - 1))] = mark
    foot = Text(" " * (MARGIN - 1) + ("+" if options.ascii else "└"), "dim")
    axis = Text("".join(cells), "dim")
    axis.highlight_regex(f"{mark}+", "bold red")
    ends = str(first).ljust(columns - len(str(last))) + str(last)
    return Text.assemble(foot, axis, "\n", (" " * MARGIN + ends, "dim"), "\n")


def _broken(chart: Chart) -> NDArray[np.int64]:
    return np.unique(np.concatenate([line.epoch[np.isnan(line.value)] for line in chart.lines]))


def _words(chart: Chart) -> Text:
    words = Text(" " * MARGIN)
    if chart.best is not None:
        words.append(f"best: epoch {chart.best[0]}, {short(chart.best[1])}  ")
    notes = [f"{chart.axis} across", "log scale" if chart.log else ""]
    return words.append(", ".join(filter(None, notes)) + "\n", "dim")


def _label(chart: Chart, row: int, height: int, low: float, high: float) -> str:
    if row not in (0, height // 2, height - 1):
        return ""
    at = high - (high - low) * row / (height - 1)
    return short(float(np.exp(at)) if chart.log else at) + " "


def _limits(chart: Chart) -> tuple[float, float]:
    values = np.concatenate([line.value for line in chart.lines])
    values = values[np.isfinite(values)]
    return _scaled(chart, float(values.min())), _scaled(chart, float(values.max()))


def _scaled(chart: Chart, value: float) -> float:
    return float(np.log(value)) if chart.log else value


def _epochs(chart: Chart) -> tuple[int, int]:
    return min(int(line.epoch[0]) for line in chart.lines), max(int(line.epoch[-1]) for line in chart.lines)
