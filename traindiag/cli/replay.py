"""``traindiag replay``: play a recorded run back, or ask what callbacks would have done in it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import ColorOption, OutputOption, PathsArgument, ReaderOption
from traindiag.cli.output import say, write_result
from traindiag.cli.progress import busy
from traindiag.cli.reporting import layout
from traindiag.cli.terminal import Color
from traindiag.model.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from traindiag.model.run import Run
    from traindiag.replay.policies.base import Policy

EXAMPLES = """[bold]Examples[/bold]
$ traindiag replay logs/                        epoch by epoch, as if live
$ traindiag replay logs/ --early-stopping patience=5 --cost-per-hour 2.5
$ traindiag replay logs/ --reduce-lr factor=0.5,patience=3 --terminate-on-nan
$ traindiag replay logs/ --schedule step:drop=0.5,every=10
$ traindiag replay runs/ --advise               which patience, and stop or go on
$ traindiag replay logs/ --to demo --format tensorboard --speed 2
"""
WHAT_IF = "What if"


def replay(
    paths: PathsArgument,
    early_stopping: Annotated[
        str | None,
        typer.Option(
            metavar="A=B,...",
            help="EarlyStopping: monitor, patience, min_delta, mode, baseline, start_from_epoch, restore_best_weights.",
            rich_help_panel=WHAT_IF,
        ),
    ] = None,
    reduce_lr: Annotated[
        str | None,
        typer.Option(
            "--reduce-lr",
            metavar="A=B,...",
            help="ReduceLROnPlateau: monitor, factor, patience, min_delta, mode, cooldown, min_lr.",
            rich_help_panel=WHAT_IF,
        ),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="A=B,...",
            help="ModelCheckpoint: save_best_only, monitor, mode, initial_value_threshold.",
            rich_help_panel=WHAT_IF,
        ),
    ] = None,
    terminate_on_nan: Annotated[
        bool, typer.Option("--terminate-on-nan", help="TerminateOnNaN.", rich_help_panel=WHAT_IF)
    ] = False,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:A=B,...",
            help="LearningRateScheduler: step:drop=0.5,every=10, exponential, cosine, linear, constant; "
            "lr, end, warmup.",
            rich_help_panel=WHAT_IF,
        ),
    ] = None,
    cost_per_hour: Annotated[
        float | None,
        typer.Option(min=0, metavar="MONEY", help="Price of an hour of training.", rich_help_panel=WHAT_IF),
    ] = None,
    advise: Annotated[
        bool,
        typer.Option(
            "--advise", help="Which patience and min_delta, and stop or go on?", rich_help_panel=WHAT_IF
        ),
    ] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Metric for --advise. Default: val_loss, else loss.", rich_help_panel=WHAT_IF
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.01, help="Epochs a second. Default: 10 on a terminal, else no pause."),
    ] = None,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter after each epoch.")] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Write the replay there as a growing log.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="With --to: csv, tensorboard or history. Else: text or json."),
    ] = None,
    reader: ReaderOption = None,
    output: OutputOption = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every epoch on a line of its own.")
    ] = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Play a recorded run epoch by epoch, or ask what callbacks of Keras would have done in it.

    The callbacks' rules are Keras' own; Keras need not be installed.
    """
    policies = _policies(early_stopping, reduce_lr, checkpoint, terminate_on_nan, schedule)
    _check(policies, advise=advise, to=to, format=format)
    runs = _runs(paths, reader)
    if advise:
        _advise(runs, monitor, format, output, color)
    elif policies:
        _what_if(runs, policies, cost_per_hour, format, output, color)
    elif format == "json":
        _moments_json(runs, output)
    else:
        _play(runs, speed=speed, step=step, to=to, format=format, verbose=verbose, color=color)
    return 0


def _policies(
    early_stopping: str | None,
    reduce_lr: str | None,
    checkpoint: str | None,
    terminate_on_nan: bool,
    schedule: str | None,
) -> list[Policy]:
    from traindiag.replay.options import parse_policy
    from traindiag.replay.policies.checkpoint import ModelCheckpoint
    from traindiag.replay.policies.early_stopping import EarlyStopping
    from traindiag.replay.policies.reduce_lr import ReduceLROnPlateau
    from traindiag.replay.policies.schedule import Schedule
    from traindiag.replay.policies.terminate_on_nan import TerminateOnNaN

    policies: list[Policy] = []
    if schedule is not None:
        policies.append(parse_policy(Schedule, schedule, "--schedule", first="kind"))
    if terminate_on_nan:
        policies.append(TerminateOnNaN())
    if reduce_lr is not None:
        policies.append(parse_policy(ReduceLROnPlateau, reduce_lr, "--reduce-lr"))
    if early_stopping is not None:
        policies.append(parse_policy(EarlyStopping, early_stopping, "--early-stopping"))
    if checkpoint is not None:
        policies.append(parse_policy(ModelCheckpoint, checkpoint, "--checkpoint"))
    return policies


def _check(policies: list[Policy], *, advise: bool, to: Path | None, format: str | None) -> None:
    if to is not None and (advise or policies):
        raise UsageError("--to writes a plain replay", next_step="leave out the what-if options or --to")
    if advise and policies:
        raise UsageError(
            "--advise tries every patience itself", next_step="leave out the callbacks or --advise"
        )
    wanted = ("text", "json") if to is None else ("csv", "tensorboard", "history")
    if format is not None and format not in wanted:
        hint = f"choose {', '.join(wanted)}" + ("" if to else "; csv, tensorboard and history need --to DIR")
        raise UsageError(f"cannot give {format!r} here", where="--format", next_step=hint)


def _runs(paths: list[str], reader: str | None) -> tuple[Run, ...]:
    from traindiag.readers.discover import find_runs

    with busy("reading logs"):
        found = find_runs(paths, reader=reader)
    if not found.runs:
        first = found.unreadable[0]
        raise UnreadableError(first.message, where=first.path)
    for each in found.unreadable:
        say(f"traindiag: warning: {each.path}: {each.message}")
    return found.runs


def _what_if(
    runs: tuple[Run, ...],
    policies: list[Policy],
    cost_per_hour: float | None,
    format: str | None,
    output: Path | None,
    color: Color,
) -> None:
    from traindiag.replay.advise import monitored
    from traindiag.replay.whatif import WhatIf, what_if
    from traindiag.replay.whatif_json import what_if_json
    from traindiag.replay.whatif_text import what_if_text

    outcomes: list[WhatIf] = []
    curves = []
    failed: UsageError | None = None
    for run in runs:
        try:
            outcome = what_if(run, policies, cost_per_hour=cost_per_hour)
        except UsageError as error:
            failed = _told(run, error, len(runs))
            continue
        outcomes.append(outcome)
        curves.append(None if outcome.best is None else monitored(run, outcome.best.monitor))
    if failed is not None and not outcomes:
        raise failed
    if _wants_json(format, output):
        write_result(what_if_json(outcomes), output)
    else:
        write_result(what_if_text(outcomes, curves, layout(color, False, output)), output)


def _advise(
    runs: tuple[Run, ...], monitor: str | None, format: str | None, output: Path | None, color: Color
) -> None:
    from traindiag.replay.advise import advise
    from traindiag.replay.advise_json import advice_json
    from traindiag.replay.advise_text import advice_text

    advices = []
    failed: UsageError | None = None
    for run in runs:
        try:
            with busy("trying every patience"):
                advices.append(advise(run, monitor))
        except UsageError as error:
            failed = _told(run, error, len(runs))
    if failed is not None and not advices:
        raise failed
    if _wants_json(format, output):
        write_result(advice_json(advices), output)
    else:
        write_result(advice_text(advices, layout(color, False, output)), output)


def _told(run: Run, error: UsageError, runs: int) -> UsageError:
    """Say what is wrong with one of several runs; the others go on."""
    told = UsageError(error.what, where=error.where or run.name, next_step=error.next_step)
    if runs > 1:
        say(f"traindiag: warning: {told}")
    return told


def _wants_json(format: str | None, output: Path | None) -> bool:
    return format == "json" or (format is None and output is not None and output.suffix == ".json")


def _moments_json(runs: tuple[Run, ...], output: Path | None) -> None:
    from traindiag.replay.play_json import replay_json

    write_result(replay_json(runs), output)


def _play(
    runs: tuple[Run, ...],
    *,
    speed: float | None,
    step: bool,
    to: Path | None,
    format: str | None,
    verbose: bool,
    color: Color,
) -> None:
    from traindiag.cli.stage import LinesStage, LiveStage, Stage
    from traindiag.replay.changes import Known
    from traindiag.replay.growing import growing_log
    from traindiag.replay.logs import epoch_logs
    from traindiag.replay.play import play

    if to is not None and len(runs) > 1:
        names = ", ".join(run.name for run in runs[:6])
        raise UsageError(f"--to takes one run, here are {len(runs)} ({names})", next_step="name one of them")
    live = sys.stdout.isatty() and not verbose and not step
    pause = 1 / speed if speed is not None else (0.1 if live else 0.0)
    options = layout(color, False, None)
    for run in runs:
        known = Known()
        logs = epoch_logs(run)
        names_logged = tuple(dict.fromkeys(name for each in logs.logs for name in each))
        log = None if to is None else growing_log(to, format or "csv", names_logged)
        stage: Stage = (
            LiveStage(options, run.name) if live else LinesStage(options, run.name, every=verbose or step)
        )
        with stage:
            for moment in play(run, known):
                began = time.monotonic()
                if log is not None:
                    log.add(moment.epoch, moment.logs, time.time())
                stage.show(moment)
                if step:
                    _wait()
                elif pause:
                    time.sleep(max(0.0, pause - (time.monotonic() - began)))
            stage.end(known)
        if log is not None:
            log.close()


def _wait() -> None:
    """Until Enter; at the end of input the replay runs on."""
    sys.stdout.flush()
    sys.stdin.readline()
