"""``traindiag train``: really train a small model with a known illness and keep its logs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.capture.device import DeviceChoice
from traindiag.cli import completing
from traindiag.cli.output import say
from traindiag.cli.quiet import quiet_native_talk
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from traindiag.capture.scenarios.base import Scenario

OK, DISAGREED = 0, 1

EXAMPLES = """[bold]Examples[/bold]
$ traindiag train --list
$ traindiag train overfitting --out demo && traindiag analyze demo
$ traindiag train plateau --out runs/plateau-1 --seed 1 --device gpu
$ traindiag train overfitting --repeat 5 --dataset moons --optimizer rmsprop --compare
$ traindiag train --all --compare --out runs
"""
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "ERROR",
    "GLOG_minloglevel": "3",
    # JAX else takes three quarters of a GPU's memory, also what other programs use; TensorFlow is told by itself.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


def train(
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="What to train; --list names them.", show_default=False, autocompletion=completing.scenarios
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the logs; with --all or --repeat the runs get folders in it.",
            show_default="logs/SCENARIO",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of data, weights and shuffling.")] = 0,
    repeat: Annotated[int, typer.Option(min=1, help="Train with so many seeds, from --seed on.")] = 1,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How many to train.", show_default="the scenario's own")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set to train on.", show_default="the scenario's own")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="adam, nadam, rmsprop, sgd or momentum, at a rate as far from its usual one.",
            show_default="the scenario's own",
        ),
    ] = None,
    device: Annotated[
        DeviceChoice, typer.Option(help="auto takes a GPU if Keras' backend sees one, else the CPU.")
    ] = DeviceChoice.AUTO,
    mixed_precision: Annotated[
        bool, typer.Option("--mixed-precision", help="Half floats on a GPU, bfloat16 on a CPU.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier recording in the folder.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Train every scenario.")] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Print the expected and the found verdict; exit with 1 if they disagree."
        ),
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name the scenarios and leave.")] = False,
) -> int:
    """Really train a small Keras model with a known illness, or a healthy one, and keep its logs."""
    if listed:
        _print_scenarios()
        return OK
    jobs = _jobs(scenario, every, out, range(seed, seed + repeat), epochs, dataset, optimizer)
    trained: list[Job] = []
    try:
        with heeding_interrupts() as heed:
            # What came before an interruption stays in the list.
            trained.extend(_train(jobs, device, mixed_precision, overwrite, heed))
    except KeyboardInterrupt:
        place = _place(jobs, _base(scenario, out))
        say(f"stopped after {len(trained)} of {len(jobs)}; what was trained is in {place}")
        if compare and trained:
            _print_agreement(trained)
        raise
    if compare:
        return OK if _print_agreement(trained) else DISAGREED
    # The folders alone on standard output, for `traindiag analyze "$(traindiag train overfitting)"`.
    for job in trained:
        typer.echo(str(job.folder))
    say(f"next: traindiag analyze {_place(jobs, _base(scenario, out))}")
    return OK


def _print_agreement(jobs: Sequence[Job]) -> bool:
    from traindiag.capture.outcome import outcome_of
    from traindiag.cli.agreement import print_agreement

    return print_agreement([outcome_of(job.scenario, job.seed, job.folder) for job in jobs])


def _place(jobs: Sequence[Job], base: Path) -> Path:
    """The folder of all logs."""
    return jobs[0].folder if len(jobs) == 1 else base


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training to do: which scenario, how, and where its logs go."""

    scenario: type[Scenario]
    folder: Path
    seed: int
    epochs: int
    dataset: str | None
    optimizer: str | None


def _jobs(
    name: str | None,
    every: bool,
    out: Path | None,
    seeds: range,
    epochs: int | None,
    dataset: str | None,
    optimizer: str | None,
) -> list[Job]:
    """What to train, checked before Keras is loaded."""
    from traindiag.capture.scenarios.base import all_scenarios, scenario_named

    if every and name is not None:
        raise UsageError("--all trains every scenario", next_step=f"leave out {name}, or --all")
    if name is None and not every:
        raise UsageError("no scenario given", next_step="traindiag train --list names them all")
    chosen = all_scenarios() if name is None else (scenario_named(name),)
    jobs = []
    for scenario in chosen:
        if every and not _takes(scenario, dataset, optimizer):
            say(f"leaving out {scenario.name}: it does not work with this data set or optimizer")
            continue
        scenario(dataset=dataset, optimizer=optimizer)
        for seed in seeds:
            folder = _base(name, out) / (scenario.name if every else "")
            jobs.append(
                Job(
                    scenario=scenario,
                    folder=folder / f"seed-{seed}" if len(seeds) > 1 else folder,
                    seed=seed,
                    epochs=epochs or scenario.epochs,
                    dataset=dataset,
                    optimizer=optimizer,
                )
            )
    if not jobs:
        raise UsageError("no scenario works with this data set and optimizer")
    return jobs


def _base(name: str | None, out: Path | None) -> Path:
    """The folder of all that is trained."""
    return out or (Path("logs") if name is None else Path("logs", name))


def _takes(scenario: type[Scenario], dataset: str | None, optimizer: str | None) -> bool:
    from traindiag.capture.data import data_set
    from traindiag.capture.scenarios.base import usual_rate

    if dataset is not None:
        data_set(dataset)
    if optimizer is not None:
        usual_rate(optimizer)
    return (dataset is None or dataset in scenario.possible_datasets()) and (
        optimizer is None or optimizer in scenario.possible_optimizers()
    )


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _print_scenarios() -> None:
    from traindiag.capture.data import DATA_SETS
    from traindiag.capture.scenarios.base import USUAL_RATES, all_scenarios
    from traindiag.cli.prose import Page
    from traindiag.cli.terminal import Color

    page, scenarios = Page(Color.AUTO), all_scenarios()
    width = max(len(each.name) for each in scenarios) + 2
    for each in scenarios:
        page.beside(each.name.ljust(width), each.summary(), width)
    page.line()
    page.beside("--dataset".ljust(width), ", ".join(DATA_SETS), width)
    page.beside("--optimizer".ljust(width), ", ".join(USUAL_RATES), width)


def _train(
    jobs: Sequence[Job],
    choice: DeviceChoice,
    mixed_precision: bool,
    overwrite: bool,
    heed: Callable[[], None],
) -> Iterator[Job]:
    """Trains one after the other, after a call of `heed`; each is given when it is done."""
    from traindiag.capture.device import choose_device, precision_of, require_extras
    from traindiag.capture.train import check_folder, train_scenario

    # All that can be wrong is found before the seconds that loading Keras takes.
    for job in jobs:
        check_folder(job.folder, overwrite)
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    with quiet_native_talk():
        require_extras()
        device = choose_device(choice)
    where = f"on {device}" + (f", {precision_of(device)}" if mixed_precision else "")
    seconds = 0.0
    for number, job in enumerate(jobs, start=1):
        heed()
        count = f"{number}/{len(jobs)} " if len(jobs) > 1 else ""
        say(f"{count}training {job.scenario.name} (seed {job.seed}, {_epochs(job.epochs)}) {where}")
        with progress(job.scenario.name, job.epochs) as on_epoch:
            result = train_scenario(
                job.scenario.name,
                job.folder,
                seed=job.seed,
                epochs=job.epochs,
                device=device,
                dataset=job.dataset,
                optimizer=job.optimizer,
                mixed_precision=mixed_precision,
                overwrite=overwrite,
                on_epoch=on_epoch,
            )
        seconds += result.facts["seconds"]
        yield job
    done = _epochs(result.facts["epochs"]) if len(jobs) == 1 else f"{len(jobs)} trainings"
    say(f"{done} in {seconds:.1f} s")


@contextmanager
def heeding_interrupts() -> Iterator[Callable[[], None]]:
    """Gives what to call now and then: it raises KeyboardInterrupt where a Ctrl-C went before without effect.

    Python drops the exception in destructors, and Keras spends a good part of a small training on clearing up.
    """
    interrupted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    def heed() -> None:
        if interrupted:
            raise KeyboardInterrupt

    # Only the main thread may set a handler, and who set one of their own, or ignores Ctrl-C, has a reason.
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield heed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
