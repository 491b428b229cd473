"""``traindiag demo``: the first minute. Sample runs in a folder of one's own, diagnosed, and what to try next."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.options import ColorOption
from traindiag.cli.terminal import Color
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from traindiag.model.report import Report
    from traindiag.reports.base import Options

EXAMPLES = """[bold]Examples[/bold]
$ traindiag demo
$ traindiag demo runs/demo
"""
FORMS = {
    "converged": "log.csv",
    "data-problem": "history.json",
    "diverging": "console.txt",
    "learning": "history.txt",
    "non-finite": "log.csv",
    "overfitting": "tb",
    "plateau": "history.json",
}
"""The recorded runs of the demo, and the form each is shown in: people keep different ones."""
ELSEWHERE = "name a new folder: traindiag demo FOLDER"
FACTS = "run.json"
"""What the recorder noted of each run; remedies speak with its numbers."""
TOLD = "overfitting"
"""The run whose whole diagnosis is shown; of the others, the table."""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to copy the sample runs.")] = Path(
        "traindiag-demo"
    ),
    color: ColorOption = Color.AUTO,
) -> None:
    """Copy recorded sample runs to a folder, diagnose them, and say what to try next.

    Files that are already there are never overwritten with something else.
    """
    from traindiag.cli.output import write_result
    from traindiag.cli.progress import busy
    from traindiag.cli.reporting import layout
    from traindiag.diagnosis import diagnose_runs
    from traindiag.readers.discover import find_runs

    copy_samples(folder)
    with busy("reading and judging"):
        found = find_runs([folder])
        report = diagnose_runs(found.runs, found.unreadable)
    write_result(_page(report, folder, layout(color, verbose=False, output=None, stream=sys.stdout)), None)


def samples() -> Traversable:
    """The recorded runs: a wheel carries those of the demo, a checkout has them all beside the package."""
    package = files("traindiag")
    packed = package / "sample_logs"
    if packed.is_dir() or not isinstance(package, Path):
        return packed
    return package.parent / "sample_logs"


def copy_samples(folder: Path) -> None:
    """Copy the runs of the demo.

    Raises:
        UsageError: the folder holds anything else, so that its other logs would be diagnosed as well, or
            cannot be written.
    """
    wanted = {name: content for run, form in FORMS.items() for name, content in _sample_files(run, form)}
    try:
        _refuse_other_files(folder, wanted)
        for name, content in wanted.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(error.filename or folder), next_step=ELSEWHERE) from error


def _refuse_other_files(folder: Path, wanted: Mapping[str, bytes]) -> None:
    below = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    foreign = next((name for name in below if name not in wanted), None)
    changed = (name for name, content in wanted.items() if _differs(folder / name, content))
    if other := foreign or next(changed, None):
        what = f"holds {other}, which is not as the demo would write it"
        raise UsageError(what, where=str(folder), next_step=ELSEWHERE)


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() != content


def _sample_files(run: str, form: str) -> list[tuple[str, bytes]]:
    """Name and content of the files of one run; names as ``overfitting/tb/train/events...``."""
    home = samples() / run
    return [*_contents(home / form, f"{run}/{form}"), *_contents(home / FACTS, f"{run}/{FACTS}")]


def _contents(what: Traversable, name: str) -> list[tuple[str, bytes]]:
    if what.is_dir():
        return [pair for each in what.iterdir() for pair in _contents(each, f"{name}/{each.name}")]
    return [(name, what.read_bytes())]


def _page(report: Report, folder: Path, options: Options) -> str:
    """The table of all runs, the diagnosis of one, and three commands to go on with."""
    from io import StringIO

    from rich.text import Text

    from traindiag.reports.details import Details
    from traindiag.reports.ink import Ink, console_on, trimmed
    from traindiag.reports.overview import legend, overview

    page = StringIO()
    console, ink = console_on(page, options), Ink(options)
    where = str(folder)
    details = Details(console, ink)
    about = f"{len(report.runs)} recorded trainings of small Keras models, now in {where}, diagnosed:"
    details.paragraph("", ink.text(about), indent=0)
    console.print()
    for line in [*overview(report.runs, ink), legend(report.runs, ink)]:
        console.print(line, soft_wrap=True)
    for run in report.runs:
        if run.name == TOLD:
            details.ill(run)
    console.print()
    console.print(Text("Try next", "bold underline"))
    for command, why in _next_steps(where):
        console.print(Text.assemble("  $ ", ink.text(command, "cyan")), soft_wrap=True)
        details.paragraph("", ink.text(why, "dim"), indent=4)
    console.print()
    own = "Then on logs of your own: traindiag analyze FOLDER"
    details.paragraph("", ink.text(own, "bold"), indent=0)
    return trimmed(page)


def _next_steps(where: str) -> tuple[tuple[str, str], ...]:
    from shlex import quote

    return (
        (
            f"traindiag analyze {quote(str(Path(where, 'diverging')))}",
            "what went wrong in another of them, and what to change",
        ),
        ("traindiag explain overfitting", "what a verdict means, what it goes by, and when to ignore it"),
        (
            f"traindiag analyze {quote(where)} -o report.html",
            "all of them as one web page: open report.html in a browser",
        ),
    )
