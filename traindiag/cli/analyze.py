"""``traindiag analyze``: find the runs, diagnose them, report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.fleet import fleet_of, under_way
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
    OutputsOption,
    PathsArgument,
    PlotsOption,
    ReaderOption,
    RunOption,
    SelectOption,
    TensorBoardOption,
    VerboseOption,
    words,
)
from traindiag.cli.reporting import Delivery
from traindiag.cli.terminal import Color
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.fleet.stream import Fleet
    from traindiag.model.report import Report, RunReport, Unreadable
    from traindiag.settings import Settings

EXAMPLES = """[bold]Examples[/bold]
$ traindiag analyze logs/
$ traindiag analyze runs/a b.csv -f json | jq '.runs[].verdict.rule'
$ traindiag analyze logs/ -o report.json --plots figures/
$ traindiag analyze logs/ --fail-on error
"""


def analyze(
    paths: PathsArgument,
    format: FormatOption = None,
    output: OutputsOption = None,
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
        output=output or (),
        plots=plots,
        to_tensorboard=to_tensorboard,
        min_severity=min_severity,
        verbose=verbose,
        color=color,
    )
    delivery.targets()
    settings = _settings(config, words(select), words(ignore))
    fleet = fleet_of(
        paths,
        curves=delivery.draws(),
        settings=settings,
        select=words(select),
        ignore=words(ignore),
        reader=reader,
        mapping=mapping,
        histograms=histograms,
        include=include,
        exclude=exclude,
        run=run,
        jobs=jobs,
        dask=dask,
        no_cache=no_cache,
    )
    worst = _Worst()
    if delivery.streams():
        with under_way(fleet):
            delivery.stream(worst.of(_reports(fleet, settings)), fleet.unreadable)
    else:
        with under_way(fleet):
            reports = tuple(worst.of(_reports(fleet, settings)))
        delivery.give(_report(reports, fleet.unreadable))
    if not fleet.tally.runs:
        return 2
    return int(fail_on is not None and worst.rank >= fail_on.rank)


def _settings(config: Path | None, select: list[str], ignore: list[str]) -> Settings | None:
    if config is None:
        return None
    from traindiag.config import read_settings

    return read_settings(config).changed(select=select, ignore=ignore)


def _reports(fleet: Fleet, settings: Settings | None) -> Iterator[RunReport]:
    """The reports; under settings with broken budgets, for which seeds that count together are waited for."""
    if settings is None:
        yield from fleet.reports()
        return
    from traindiag.check import gate_of

    every = fleet.held()
    for together in ([each] for each in every) if settings.aggregate == "worst" else (list(every),):
        yield from gate_of(together, settings=settings).report.runs


def _report(runs: tuple[RunReport, ...], unreadable: Sequence[Unreadable]) -> Report:
    from traindiag import __version__
    from traindiag.model.report import Report

    return Report(runs=runs, unreadable=tuple(unreadable), version=__version__)


class _Worst:
    """The rank of the worst illness among runs that go by; -1 while there is none."""

    def __init__(self) -> None:
        self.rank = -1

    def of(self, runs: Iterable[RunReport]) -> Iterator[RunReport]:
        for run in runs:
            if run.verdict.status == "ill":
                self.rank = max(self.rank, run.verdict.severity.rank)
            yield run
