"""``traindiag check``: the gate of a CI job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.fleet import fleet_of, under_way
from traindiag.cli.options import (
    ColorOption,
    DaskOption,
    ExcludeOption,
    FormatOption,
    GroupByOption,
    HistogramsOption,
    IgnoreOption,
    IncludeOption,
    JobsOption,
    MapOption,
    MinSeverityOption,
    NoCacheOption,
    OutputsOption,
    PlotsOption,
    ReaderOption,
    SelectOption,
    TensorBoardOption,
    VerboseOption,
    words,
)
from traindiag.cli.output import say, write_result
from traindiag.cli.reporting import Delivery
from traindiag.cli.terminal import Color
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.baseline import Baseline
    from traindiag.check import Gate
    from traindiag.settings import Settings

EXAMPLES = """[bold]Examples[/bold]
$ traindiag check logs/
$ traindiag check logs/ --budget 'val_loss <= 0.35' --fail-on off
$ traindiag check logs/ --fail-on warning -f github
$ traindiag check logs/ --write-baseline baseline.json
$ traindiag check --show-settings
"""
WORDS = {0: "passed", 1: "failed", 2: "not judged"}


class FailOn(StrEnum):
    """The least severity that fails."""

    OFF = "off"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class SeedsBy(StrEnum):
    """Which of several seeds stands for their setting."""

    WORST = "worst"
    MEDIAN = "median"
    BEST = "best"


def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...", help="Log files or folders; - is stdin. Default: `paths` of the settings."
        ),
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on", help="Fail on findings this bad or worse; off: only on budgets. Default: error."
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option("--budget", metavar="LIMIT", help="A limit to keep, instead of those of the settings."),
    ] = None,
    aggregate: Annotated[
        SeedsBy | None,
        typer.Option("--aggregate", help="Which of several seeds stands for their setting. Default: worst."),
    ] = None,
    group_by: GroupByOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings. Default: the nearest traindiag.toml or pyproject.toml.",
        ),
    ] = None,
    isolated: Annotated[bool, typer.Option("--isolated", help="Read no settings file.")] = False,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the settings in force, as TOML, and leave.")
    ] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Accept the findings listed here.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Accept what fails now: list it here."),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Report, but end with 0 where the gate fails.")
    ] = False,
    format: FormatOption = None,
    output: OutputsOption = None,
    plots: PlotsOption = None,
    to_tensorboard: TensorBoardOption = False,
    min_severity: MinSeverityOption = Severity.NOTE,
    reader: ReaderOption = None,
    mapping: MapOption = None,
    histograms: HistogramsOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    jobs: JobsOption = "auto",
    dask: DaskOption = None,
    no_cache: NoCacheOption = False,
    verbose: VerboseOption = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Pass or fail a CI job by the health of its training runs.

    Exit code: 0 passed, 1 failed, 2 nothing could be judged; the reason is one line on standard error.
    """
    from traindiag.check import gate_of
    from traindiag.config import settings_for, settings_text

    settings = _with_options(
        settings_for(Path(), config=config, isolated=isolated),
        paths=paths,
        fail_on=fail_on,
        budget=budget,
        aggregate=aggregate,
        group_by=group_by,
        select=words(select),
        ignore=words(ignore),
        baseline=baseline,
    )
    if show_settings:
        write_result(settings_text(settings), Path(output[0]) if output else None)
        return 0
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
    if not settings.paths:
        raise UsageError("no path given", next_step="name logs, or set paths in [tool.traindiag]")
    known = _accepted(settings, write_baseline)
    fleet = fleet_of(
        settings.paths,
        curves=delivery.draws(),
        settings=settings,
        reader=reader,
        mapping=mapping,
        histograms=histograms,
        include=include,
        exclude=exclude,
        jobs=jobs,
        dask=dask,
        no_cache=no_cache,
    )
    with under_way(fleet):
        every = list(fleet.held())
    gate = gate_of(every, fleet.unreadable, settings=settings, baseline=known)
    delivery.give(gate.report, gate)
    if write_baseline is not None:
        return _write_baseline(gate, write_baseline)
    _say_expired(gate, settings)
    say(f"traindiag: check {WORDS[gate.code]}: {gate.reason}")
    return 0 if exit_zero and gate.code == 1 else gate.code


def _with_options(
    settings: Settings,
    *,
    paths: Sequence[str] | None,
    fail_on: FailOn | None,
    budget: Sequence[str] | None,
    aggregate: SeedsBy | None,
    group_by: str | None,
    select: Sequence[str],
    ignore: Sequence[str],
    baseline: Path | None,
) -> Settings:
    """The settings with what the command line says in their place."""
    from traindiag.analysis.seeds import check_pattern
    from traindiag.budgets import parse_budget
    from traindiag.diagnosis import choose_rules
    from traindiag.settings import least_severity

    choose_rules(select, ignore)
    if group_by is not None:
        check_pattern(group_by, "--group-by")
    if fail_on is not None:
        settings = replace(settings, fail_on=least_severity(fail_on.value))
    if budget:
        settings = settings.changed(
            budgets=tuple(parse_budget(each) for each in budget),
            overrides=tuple(replace(each, budgets=None) for each in settings.overrides),
        )
    return settings.changed(
        paths=tuple(paths or ()),
        aggregate=aggregate and aggregate.value,
        group_by=group_by,
        select=tuple(select),
        ignore=tuple(ignore),
        baseline=baseline and str(baseline),
    )


def _accepted(settings: Settings, write_baseline: Path | None) -> Baseline:
    """What was accepted so far; nothing, where a new baseline is to be made of all findings."""
    from traindiag.baseline import Baseline, read_baseline

    return read_baseline(settings.baseline) if settings.baseline and write_baseline is None else Baseline()


def _write_baseline(gate: Gate, path: Path) -> int:
    from traindiag.baseline import baseline_of, baseline_text
    from traindiag.check import NOT_JUDGED

    if gate.code == NOT_JUDGED:
        say(f"traindiag: error: no baseline written: {gate.reason}")
        return NOT_JUDGED
    accepted = baseline_of(gate.failing)
    write_result(baseline_text(accepted), path)
    count = len(accepted.accepted)
    say(f"traindiag: accepted {count} finding{'' if count == 1 else 's'} in {path}")
    return 0


def _say_expired(gate: Gate, settings: Settings) -> None:
    for each in gate.expired:
        say(
            f"traindiag: warning: {settings.baseline}: {each.rule} in {each.run} is accepted but gone; "
            "--write-baseline takes it out"
        )
