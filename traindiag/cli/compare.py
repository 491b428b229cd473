"""``traindiag compare``: runs or groups of seeds side by side."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import ColorOption, FormatOption, GroupByOption, OutputOption, ReaderOption
from traindiag.cli.output import say, write_result
from traindiag.cli.progress import busy
from traindiag.cli.reporting import format_for, layout
from traindiag.cli.terminal import Color
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from traindiag.comparison.shapes import Comparison
    from traindiag.model.names import Mode
    from traindiag.model.report import Unreadable
    from traindiag.model.run import Run

EXAMPLES = """[bold]Examples[/bold]
$ traindiag compare runs/main runs/new            each a run, or its seeds
$ traindiag compare 'main/seed-*' 'new/seed-*'    groups by glob
$ traindiag compare runs/ --base main             all below, seeds by name
$ traindiag compare main new --fail-on-regression -o compare.html
"""


class Better(StrEnum):
    """Whether less or more of a metric is better."""

    MIN = "min"
    MAX = "max"


def compare(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="BASE OTHER...", help="Logs, folders or globs: the base first; or one folder."
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", "-m", metavar="NAME", help="What to compare by. Default: val_loss, else loss."
        ),
    ] = None,
    mode: Annotated[
        Better | None,
        typer.Option("--mode", help="Whether less or more is better, if the name does not tell."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="GROUP", help="The group to hold the others against. Default: the first."
        ),
    ] = None,
    group_by: GroupByOption = None,
    target: Annotated[
        float | None,
        typer.Option(
            "--target", help="Value that epochs and time lead to. Default: 95 % of the base's gain."
        ),
    ] = None,
    least: Annotated[
        float,
        typer.Option(
            "--least", min=0, metavar="FRACTION", help="Smallest difference that counts, of the base's best."
        ),
    ] = 0.01,
    fail_on_regression: Annotated[
        bool,
        typer.Option(
            "--fail-on-regression", help="Exit with 1 if a group is worse, with 2 if none can be told."
        ),
    ] = False,
    reader: ReaderOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", metavar="DIR", help="Draw the groups over each other, one figure a metric."),
    ] = None,
    color: ColorOption = Color.AUTO,
) -> int:
    """Compare runs, or groups of seeds: best and final value, area, epochs and time to a target.

    Each group is regressed, improved, the same, or cannot be told, by more than the noise of seeds.
    """
    from traindiag import __version__
    from traindiag.comparison.compare import compare_runs
    from traindiag.comparison.shapes import ComparisonReport
    from traindiag.reports.comparisons.base import FORMATS

    writer = FORMATS.named(format_for(format, output, FORMATS))
    unreadable: list[Unreadable] = []
    groups = _groups(paths, group_by, reader, unreadable)
    base = None if base is None else _full_name(base, groups)
    better: Mode | None = None if mode is None else "min" if mode is Better.MIN else "max"
    wanted: list[str | None] = list(metric) if metric else [None]
    comparisons = tuple(
        compare_runs(groups, metric=each, mode=better, base=base, target=target, least=least)
        for each in wanted
    )
    for bad in unreadable:
        say(f"traindiag: warning: {bad.path}: {bad.message}")
    report = ComparisonReport(comparisons=comparisons, unreadable=tuple(unreadable), version=__version__)
    text = writer.render(report, layout(color, False, output))
    write_result(text, output, document=writer.name != "text")
    if plots is not None:
        _draw(comparisons, plots)
    return _exit_code(comparisons) if fail_on_regression else 0


def _draw(comparisons: Sequence[Comparison], folder: Path) -> None:
    from traindiag.plots.save import save_comparisons
    from traindiag.reports.numbers import counted

    with busy("drawing figures"):
        written = save_comparisons(comparisons, folder)
    say(f"traindiag: wrote {counted(len(written), 'figure')} to {folder}")


def _exit_code(comparisons: Sequence[Comparison]) -> int:
    """1 if anything is worse, 2 if nothing could be told, and the reason on standard error."""
    judged = [(contrast, each) for each in comparisons for contrast in each.contrasts]
    worse = [
        f"{contrast.group} by {each.metric}" for contrast, each in judged if contrast.judgment == "regressed"
    ]
    if worse:
        say(f"traindiag: compare failed: regressed (TD801): {', '.join(worse)}")
        return 1
    if all(contrast.judgment == "cannot tell" for contrast, _ in judged):
        say("traindiag: compare not judged: the noise is too large to tell; train more seeds")
        return 2
    say("traindiag: compare passed: nothing regressed")
    return 0


def _groups(
    paths: Sequence[str], pattern: str | None, reader: str | None, unreadable: list[Unreadable]
) -> Mapping[str, Sequence[Run]]:
    """Runs by group: as the pattern says; else one group an argument, or seeds told by their names."""
    from traindiag.analysis.seeds import SEEDS, check_pattern

    if pattern is not None:
        check_pattern(pattern, "--group-by")
    with busy("reading logs"):
        read = _read(paths, reader, unreadable)
    if pattern is not None:
        return _by_name(_named(read), pattern)
    if len(read) > 1 and any(len(runs) > 1 for runs in read.values()):
        return read
    # Single runs, as from a glob that the shell took apart: seeds belong together if that leaves two groups.
    named = _named(read)
    by_seeds = _by_name(named, SEEDS)
    return by_seeds if len(by_seeds) > 1 else {name: [run] for name, run in named.items()}


def _full_name(base: str, groups: Mapping[str, object]) -> str:
    """The group of this name, or the only one whose path ends in it."""
    base = base.rstrip("/") or base
    ending = [name for name in groups if name.endswith(f"/{base}")]
    return ending[0] if base not in groups and len(ending) == 1 else base


def _read(paths: Sequence[str], reader: str | None, unreadable: list[Unreadable]) -> dict[str, list[Run]]:
    """The runs below each argument; one that holds none is an error, for its group would be missing."""
    from traindiag.readers.discover import find_runs

    groups: dict[str, list[Run]] = {}
    for path in paths:
        found = find_runs(_matching(path), reader=reader)
        if not found.runs:
            first = found.unreadable[0]
            raise UsageError(first.message, where=first.path)
        unreadable += found.unreadable
        groups.setdefault(path.rstrip("/") or path, []).extend(found.runs)
    return groups


def _matching(path: str) -> list[str]:
    """What a glob stands for; a path that is there stands for itself, whatever characters it has."""
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise UsageError("nothing matches", where=path, next_step="check the path")
    return found


def _named(read: Mapping[str, Sequence[Run]]) -> dict[str, Run]:
    """Each run by a name that tells it from all others: its own below one argument, else with its path."""
    if len(read) == 1:
        return {run.name: run for runs in read.values() for run in runs}
    return {
        path if len(runs) == 1 else f"{path}/{run.name}": run for path, runs in read.items() for run in runs
    }


def _by_name(named: Mapping[str, Run], pattern: str) -> dict[str, list[Run]]:
    from traindiag.analysis.seeds import group_name

    groups: dict[str, list[Run]] = {}
    for name, run in named.items():
        groups.setdefault(group_name(name, pattern), []).append(run)
    return groups
