"""``traindiag train``: really train a small model with a known illness and keep its logs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.capture.device import DeviceChoice
from traindiag.cli import completing
from traindiag.cli.output import say
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from traindiag.capture.train import TrainResult

EXAMPLES = """[bold]Examples[/bold]
$ traindiag train --list
$ traindiag train overfitting --out demo && traindiag analyze demo
$ traindiag train plateau --out runs/plateau-1 --seed 1 --device gpu
"""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR", "GLOG_minloglevel": "3"}


def train(
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="What to train; --list names them.", show_default=False, autocompletion=completing.scenarios
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the logs.", show_default="logs/SCENARIO")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of data, weights and shuffling.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How many to train.", show_default="the scenario's own")
    ] = None,
    device: Annotated[
        DeviceChoice, typer.Option(help="auto takes a GPU if Keras' backend sees one, else the CPU.")
    ] = DeviceChoice.AUTO,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier recording in the folder.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name the scenarios and leave.")] = False,
) -> None:
    """Really train a small Keras model with a known illness, or a healthy one, and keep its logs."""
    if listed:
        _print_scenarios()
        return
    if scenario is None:
        raise UsageError("no scenario given", next_step="traindiag train --list names them all")
    result = _train(scenario, out or Path("logs", scenario), seed, epochs, device, overwrite)
    say(f"{_epochs(result.facts['epochs'])} in {result.facts['seconds']:.1f} s")
    say(f"next: traindiag analyze {result.folder}")
    # The folder alone on standard output, for `traindiag analyze "$(traindiag train overfitting)"`.
    typer.echo(str(result.folder))


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _print_scenarios() -> None:
    from traindiag.capture.scenarios.base import all_scenarios
    from traindiag.cli.prose import Page
    from traindiag.cli.terminal import Color

    page, scenarios = Page(Color.AUTO), all_scenarios()
    width = max(len(each.name) for each in scenarios) + 2
    for each in scenarios:
        page.beside(each.name.ljust(width), each.summary(), width)


def _train(
    name: str, out: Path, seed: int, epochs: int | None, device: DeviceChoice, overwrite: bool
) -> TrainResult:
    from traindiag.capture.device import choose_device, require_extras
    from traindiag.capture.scenarios.base import scenario_named
    from traindiag.capture.train import check_folder, train_scenario

    # All that can be wrong is found before the seconds that loading Keras takes.
    total = epochs or scenario_named(name).epochs
    check_folder(out, overwrite)
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    with quiet_native_talk():
        require_extras()
        chosen = choose_device(device)
    say(f"training {name} (seed {seed}, {_epochs(total)}) on {chosen}")
    with progress(name, total) as on_epoch:
        return train_scenario(
            name,
            out,
            seed=seed,
            epochs=epochs,
            device=chosen,
            overwrite=overwrite,
            on_epoch=on_epoch,
        )


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on standard error, if that is a terminal; gives what to call after each epoch."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def quiet_native_talk() -> Iterator[None]:
    """Keeps what native libraries write to standard error inside from the user, unless Python fails there.

    TensorFlow's C++ part greets with several lines before any log level can be set.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except OSError:
        yield  # Standard error is closed: nothing to keep quiet.
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except UsageError:
            raise
        except BaseException:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
