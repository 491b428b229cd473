"""``traindiag run``: run the user's own script unchanged, capture its training, tell what was found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from traindiag.cli.options import ColorOption, VerboseOption
from traindiag.cli.output import say
from traindiag.cli.reporting import layout
from traindiag.cli.terminal import Color
from traindiag.model.errors import UsageError

EXAMPLES = """[bold]Examples[/bold]
$ traindiag run train.py --epochs 20
$ traindiag run --out logs/try-3 train.py
$ traindiag run -m project.train --config base.yml
$ traindiag run --signals gradients,nan-batch train.py
"""
NOTHING = (
    "no fit and no train_on_batch of Keras ran in the script's own process "
    "(GradientTape loops and spawned processes are not seen)"
)
CONTEXT = {"allow_interspersed_args": False}
"""Everything after the script is the script's own."""


def run(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="SCRIPT [ARGS]...", help="The script and its arguments.")
    ] = None,
    module: Annotated[
        bool, typer.Option("-m", help="SCRIPT is the name of a module, as for python -m.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for the logs.", show_default="logs/SCRIPT"),
    ] = None,
    steps_per_epoch: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of loops of train_on_batch; an epoch else ends where an evaluation does.",
        ),
    ] = None,
    signals: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="More to record, by commas: gradients, weights, nan-batch.",
            show_default=False,
        ),
    ] = "",
    verbose: VerboseOption = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Run a Keras script unchanged, capture every fit and train_on_batch loop, and diagnose them at the end.

    Output, signals and exit code are the script's own; the diagnosis goes to standard error.
    """
    from traindiag.capture.runner import can_write, end_as, free_folder, run_script

    if not words:
        raise UsageError("no script given", next_step="traindiag run SCRIPT.py")
    target, *arguments = words
    folder = out or free_folder(Path("logs", target.rpartition(".")[2] if module else Path(target).stem))
    before = _recorded(folder)
    code = run_script(
        target,
        arguments,
        out=folder,
        module=module,
        steps_per_epoch=steps_per_epoch,
        signals=[name.strip() for name in signals.split(",") if name.strip()],
    )
    sys.stdout.flush()
    names = [name for name, when in _recorded(folder).items() if before.get(name) != when]
    if names:
        _tell(folder, names, color, verbose)
    else:
        say(
            f"traindiag: nothing was captured: {NOTHING if can_write(folder) else f'{folder} cannot be written'}"
        )
    return end_as(code)


def _recorded(folder: Path) -> dict[str, int]:
    """The recordings in a folder, by name, and when they were written last: others may lie there from before."""
    return {facts.parent.name: facts.stat().st_mtime_ns for facts in sorted(folder.glob("*/run.json"))}


def _tell(folder: Path, names: Sequence[str], color: Color, verbose: bool) -> None:
    """The diagnosis of what was recorded under some names in a folder, on standard error."""
    from traindiag.diagnosis import diagnose_runs
    from traindiag.readers.discover import find_runs
    from traindiag.reports.base import renderer

    found = find_runs([folder], include=names)
    if not found.runs:
        say(f"traindiag: nothing was captured: no epoch came to its end ({folder})")
        return
    report = diagnose_runs(found.runs, found.unreadable)
    sys.stderr.write(renderer("text").render(report, layout(color, verbose, None, sys.stderr)))
    say(f"logs: {folder}")
