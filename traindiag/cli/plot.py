"""``traindiag plot``: figures of runs, as files or in the terminal."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import ColorOption, PathsArgument, ReaderOption
from traindiag.cli.output import say
from traindiag.cli.progress import busy
from traindiag.cli.reporting import warn
from traindiag.cli.terminal import Color, only_ascii, wants_color, width_of

if TYPE_CHECKING:
    from traindiag.model.report import Report

EXAMPLES = """[bold]Examples[/bold]
$ traindiag plot logs/ --out figures
$ traindiag plot logs/ --figure loss --figure gap --format svg
$ traindiag plot logs/run-7 --terminal
"""


class FigureFormat(StrEnum):
    """File formats of figures."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


def plot(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to write.")] = Path(
        "figures"
    ),
    format: Annotated[FigureFormat, typer.Option("--format", "-f", help="What to write.")] = FigureFormat.PNG,
    figure: Annotated[
        list[str] | None,
        typer.Option("--figure", metavar="NAME", help="loss, gap, metric or learning-rate. Default: all."),
    ] = None,
    reader: ReaderOption = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", "-t", help="Draw the losses here, write no file.")
    ] = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Draw the runs in logs: losses with the evidence marked, gap, metrics, learning rate, an overview."""
    from traindiag.diagnosis import diagnose_runs
    from traindiag.readers.discover import find_runs

    with busy("reading and judging"):
        found = find_runs(paths, reader=reader)
        report = diagnose_runs(found.runs, found.unreadable)
    warn(report, quiet=False)
    if not report.runs:
        return 2
    if terminal:
        _print_charts(report, color)
    else:
        _write_figures(report, out, format, figure)
    return 0


def _print_charts(report: Report, color: Color) -> None:
    from traindiag.cli.prose import Page
    from traindiag.reports.base import Options
    from traindiag.reports.braille import terminal_chart

    options = Options(
        width=width_of(), color=wants_color(sys.stdout, color), ascii=only_ascii(sys.stdout, "⣿│└×")
    )
    page = Page(color)
    for run in report.runs:
        page.line(terminal_chart(run, options))


def _write_figures(report: Report, out: Path, format: FigureFormat, figures: list[str] | None) -> None:
    from traindiag.plots.base import all_displays
    from traindiag.plots.save import save_figures
    from traindiag.reports.numbers import counted

    with busy("drawing figures"):
        written = save_figures(report, out, format.value, figures or list(all_displays()))
    say(f"traindiag: wrote {counted(len(written), 'figure')} to {out}")
