"""``traindiag watch``: follow growing logs and say at each epoch what is wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import ColorOption, ReaderOption
from traindiag.cli.output import say
from traindiag.cli.reporting import layout
from traindiag.cli.terminal import Color
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.replay.watcher import Event, Watcher

EXAMPLES = """[bold]Examples[/bold]
$ traindiag watch logs/
$ traindiag watch logs/ --stall-after 600 --exec './notify.sh'
$ traindiag watch logs/ --until-finished --fail-on error
"""
SHARE, LONGEST = 0.015, 30.0
"""Share of one core the watch takes on average: after a costly look it waits longer, but at most so many seconds."""
FINISHED_EPOCHS = 10
"""A training is taken for finished after this many usual epochs without growth ..."""
FINISHED_LEAST = 30.0
"""... and at least so many seconds."""


def watch(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Log files or folders; they may appear later.")
    ],
    every: Annotated[float, typer.Option(min=0.05, metavar="SECONDS", help="Between two looks.")] = 1.0,
    stall_after: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="Warn when nothing was logged for so long; 0 is never."),
    ] = 1800.0,
    until_finished: Annotated[
        bool, typer.Option("--until-finished", help="End when the logs no longer grow.")
    ] = False,
    finished_after: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="With --until-finished: how long nothing grew. Default: 10 usual epochs, at least 30 s.",
        ),
    ] = None,
    exec_command: Annotated[
        str | None,
        typer.Option(
            "--exec",
            metavar="CMD",
            help="Run on each new finding, without a shell, with code, severity, run, epoch and message added.",
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            "--fail-on", help="Exit with 1 if a finding holds at the end that is this bad or worse."
        ),
    ] = None,
    reader: ReaderOption = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Plain lines, one for every epoch.")
    ] = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Follow growing logs, judge the runs at each new epoch, and tell each finding when it comes and goes.

    Ends with Ctrl-C, or by itself with --until-finished.
    """
    from traindiag.cli.watchers import LinesView, LiveView, View
    from traindiag.replay.follow import Follower
    from traindiag.replay.watcher import Watcher

    command = _command(exec_command)
    watcher = Watcher([Follower(path, reader) for path in paths], stall_after=stall_after or None)
    options = layout(color, verbose, None)
    view: View = (
        LiveView(options) if sys.stdout.isatty() and not verbose else LinesView(options, every=verbose)
    )
    children: list[subprocess.Popen[bytes]] = []
    begun, first = time.monotonic(), True
    try:
        with view:
            while True:
                spent = time.process_time()
                for event in watcher.look(time.monotonic()):
                    view.show(event)
                    children += _called(command, event)
                view.refresh(watcher)
                children = [child for child in children if child.poll() is None]
                if until_finished and _finished(watcher, begun, finished_after):
                    break
                time.sleep(every if first else _pause(every, time.process_time() - spent))
                first = False
    except KeyboardInterrupt:
        pass
    return _end(watcher, fail_on)


def _pause(every: float, cost: float) -> float:
    """Seconds to wait after a look that took `cost` seconds of CPU; the first look at a large log is not counted."""
    return max(every, min(LONGEST, cost / SHARE))


def _command(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(str(error).lower(), where="--exec", next_step="check the quotes") from error
    if not words or shutil.which(words[0]) is None:
        name = words[0] if words else text
        raise UsageError(
            f"there is no program {name!r}", where="--exec", next_step="give its path; no shell is used"
        )
    return words


def _called(command: list[str], event: Event) -> list[subprocess.Popen[bytes]]:
    """Start the command for each new finding; what the log says is an argument and never code."""
    children = []
    for finding in event.change.new if command else ():
        # A name from a log must be no option of the command, and no argument can hold a NUL.
        name = f"./{event.run}" if event.run.startswith("-") else event.run
        values = [finding.code, finding.severity.value, name, str(event.epoch), finding.message]
        values = [value.replace("\0", "") for value in values]
        names = ("CODE", "SEVERITY", "RUN", "EPOCH", "MESSAGE")
        env = {f"TRAINDIAG_{key}": value for key, value in zip(names, values, strict=True)}
        try:
            children.append(
                subprocess.Popen(
                    [*command, *values],
                    env={**os.environ, **env, "TRAINDIAG_RULE": finding.rule},
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr,
                )
            )
        except OSError as error:
            say(f"traindiag: warning: --exec {command[0]}: {(error.strerror or str(error)).lower()}")
    return children


def _finished(watcher: Watcher, begun: float, after: float | None) -> bool:
    """Whether nothing has grown for long; a log that has not appeared yet is waited for."""
    if watcher.grew is None:
        return after is not None and time.monotonic() - begun > max(after, FINISHED_LEAST)
    limit = after if after is not None else max(FINISHED_LEAST, FINISHED_EPOCHS * watcher.usual_epoch)
    return time.monotonic() - watcher.grew > limit


def _end(watcher: Watcher, fail_on: Severity | None) -> int:
    if not watcher.runs:
        for follower in watcher.followers:
            for each in follower.unreadable:
                say(f"traindiag: warning: {each.path}: {each.message}")
        say("traindiag: error: no run appeared; check the path")
        return 2
    worst = watcher.worst
    return int(fail_on is not None and worst is not None and worst.rank >= fail_on.rank)
