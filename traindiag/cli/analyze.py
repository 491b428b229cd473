"""``traindiag analyze``: find the runs, diagnose them, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import (
    ColorOption,
    FormatOption,
    HistogramsOption,
    IgnoreOption,
    MapOption,
    MinSeverityOption,
    OutputOption,
    PathsArgument,
    PlotsOption,
    ReaderOption,
    SelectOption,
    TensorBoardOption,
    VerboseOption,
    words,
)
from traindiag.cli.progress import busy
from traindiag.cli.reading import read_logs
from traindiag.cli.reporting import Delivery
from traindiag.cli.terminal import Color
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.model.report import Report
    from traindiag.readers.discover import Found

EXAMPLES = """[bold]Examples[/bold]
$ traindiag analyze logs/
$ traindiag analyze runs/a b.csv -f json | jq '.runs[].verdict.rule'
$ traindiag analyze logs/ -o report.json --plots figures/
$ traindiag analyze logs/ --fail-on error
"""


def analyze(
    paths: PathsArgument,
    format: FormatOption = None,
    output: OutputOption = None,
    plots: PlotsOption = None,
    to_tensorboard: TensorBoardOption = False,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    min_severity: MinSeverityOption = Severity.NOTE,
    reader: ReaderOption = None,
    mapping: MapOption = None,
    histograms: HistogramsOption = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Rule levels, options and budgets as check would use them. Not given, no settings are read.",
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None, typer.Option("--fail-on", help="Exit with 1 if an ill run is this bad or worse.")
    ] = None,
    verbose: VerboseOption = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Find the training runs in logs, say what went wrong and where, and what to change.

    Exit code: 0 whatever is found, 1 if --fail-on is met, 2 if nothing could be read.
    """
    delivery = Delivery(
        format=format,
        output=output,
        plots=plots,
        to_tensorboard=to_tensorboard,
        min_severity=min_severity,
        verbose=verbose,
        color=color,
    )
    delivery.chosen()
    found = read_logs(paths, reader=reader, mapping=mapping, histograms=histograms)
    with busy("judging runs"):
        report = _judged(found, words(select), words(ignore), config)
    delivery.give(report)
    return _exit_code(report, fail_on)


def _judged(found: Found, select: list[str], ignore: list[str], config: Path | None) -> Report:
    from traindiag.diagnosis import diagnose_runs

    if config is None:
        return diagnose_runs(found.runs, found.unreadable, select=select, ignore=ignore)
    from traindiag.check import check_runs
    from traindiag.config import read_settings

    settings = read_settings(config).changed(select=select, ignore=ignore)
    return check_runs(found.runs, found.unreadable, settings=settings).report


def _exit_code(report: Report, fail_on: Severity | None) -> int:
    if not report.runs:
        return 2
    if fail_on is None:
        return 0
    ill = (run.verdict for run in report.runs if run.verdict.status == "ill")
    return int(any(verdict.severity.rank >= fail_on.rank for verdict in ill))
