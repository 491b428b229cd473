"""``traindiag analyze``: find the runs, diagnose them, report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.fleet import cache_folder, check_wanted, crew, under_way
from traindiag.cli.mapping import check_names, parse_mapping
from traindiag.cli.options import (
    ColorOption,
    DaskOption,
    ExcludeOption,
    FormatOption,
    HistogramsOption,
    IgnoreOption,
    IncludeOption,
    JobsOption,
    MapOption,
    MinSeverityOption,
    NoCacheOption,
    OutputOption,
    PathsArgument,
    PlotsOption,
    ReaderOption,
    RunOption,
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
    from traindiag.config import Settings
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
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    run: RunOption = None,
    jobs: JobsOption = "auto",
    dask: DaskOption = None,
    no_cache: NoCacheOption = False,
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
    names = parse_mapping(mapping or ())
    settings = _settings(config, words(select), words(ignore))
    if settings is not None and settings.aggregate != "worst":
        # Seeds that are judged together must be held together.
        found = read_logs(paths, reader=reader, mapping=mapping, histograms=histograms)
        return _given(delivery, _checked(found, settings), fail_on)
    from traindiag.fleet.stream import Fleet
    from traindiag.fleet.work import Judging

    fleet = Fleet(
        paths=paths,
        judging=Judging(
            reader=reader,
            select=tuple(words(select)),
            ignore=tuple(words(ignore)),
            settings=settings,
            curves=delivery.draws(),
            names_seen=bool(names),
            cache=None if no_cache else os.fspath(cache_folder()),
        ),
        crew=crew(jobs, dask),
        names=names,
        histograms=histograms,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        wanted=tuple(run or ()),
    )
    if delivery.streams():
        with under_way(fleet):
            delivery.stream(fleet.reports(), fleet.unreadable)
        check_names(names, fleet.logged)
        check_wanted(fleet)
        return _exit_code(fleet.tally.runs, fleet.tally.worst, fail_on)
    with under_way(fleet):
        reports = tuple(fleet.reports())
    check_names(names, fleet.logged)
    check_wanted(fleet)
    from traindiag import __version__
    from traindiag.model import report as reports_of

    report = reports_of.Report(runs=reports, unreadable=tuple(fleet.unreadable), version=__version__)
    return _given(delivery, report, fail_on)


def _settings(config: Path | None, select: list[str], ignore: list[str]) -> Settings | None:
    if config is None:
        return None
    from traindiag.config import read_settings

    return read_settings(config).changed(select=select, ignore=ignore)


def _checked(found: Found, settings: Settings) -> Report:
    from traindiag.check import check_runs

    with busy("judging runs"):
        return check_runs(found.runs, found.unreadable, settings=settings).report


def _given(delivery: Delivery, report: Report, fail_on: Severity | None) -> int:
    delivery.give(report)
    ill = [run.verdict.severity for run in report.runs if run.verdict.status == "ill"]
    worst = max(ill, key=lambda severity: severity.rank, default=None)
    return _exit_code(len(report.runs), worst, fail_on)


def _exit_code(runs: int, worst: Severity | None, fail_on: Severity | None) -> int:
    if not runs:
        return 2
    return int(fail_on is not None and worst is not None and worst.rank >= fail_on.rank)
