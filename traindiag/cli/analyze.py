"""``traindiag analyze``: find the runs, diagnose them, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traindiag.cli.mapping import check_mapping, parse_mapping
from traindiag.cli.options import ColorOption
from traindiag.cli.output import say, write_result
from traindiag.cli.progress import busy
from traindiag.cli.terminal import Color, only_ascii, wants_color, width_of
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.model.report import Report
    from traindiag.reports.base import Options

EXAMPLES = """[bold]Examples[/bold]
$ traindiag analyze logs/
$ traindiag analyze runs/a b.csv -f json | jq '.runs[].verdict.rule'
$ traindiag analyze logs/ -o report.json --plots figures/
$ traindiag analyze logs/ --fail-on error
"""


def analyze(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Log files or folders; - is stdin.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="text, json, jsonl, csv, markdown, html, notebook, junit, sarif or github. Default: by -o, else text.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here; the suffix picks the format."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Write a figure of each run here.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", metavar="RULE", help="Only these rules: names, codes, or beginnings of codes."
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="RULE", help="All but these rules.")
    ] = None,
    min_severity: Annotated[
        Severity, typer.Option("--min-severity", help="Leave out findings below this.")
    ] = Severity.NOTE,
    reader: Annotated[
        str | None, typer.Option("--reader", metavar="NAME", help="Read every file as this format.")
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="A=B", help="Column A is the metric B (val_loss).")
    ] = None,
    fail_on: Annotated[
        Severity | None, typer.Option("--fail-on", help="Exit with 1 if an ill run is this bad or worse.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every evidence, remedy and rule not checked.")
    ] = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Find the training runs in logs, say what went wrong and where, and what to change.

    Exit code: 0 whatever is found, 1 if --fail-on is met, 2 if nothing could be read.
    """
    from traindiag.diagnose import diagnose_runs
    from traindiag.readers.discover import find_runs
    from traindiag.reports.base import renderer
    from traindiag.reports.narrow import narrowed

    writer = renderer(_format(format, output))
    names = parse_mapping(mapping or ())
    with busy("reading logs"):
        found = find_runs(paths, reader=reader, names=names)
        check_mapping(names, found.runs)
    with busy("judging runs"):
        report = diagnose_runs(found.runs, found.unreadable, select=_words(select), ignore=_words(ignore))
    report = narrowed(report, min_severity)
    _warn(report, quiet=writer.name == "text" and output is None and sys.stdout.isatty())
    if report.runs or writer.name != "text":
        write_result(writer.render(report, _options(color, verbose, output)), output)
    if plots is not None:
        _draw(report, plots)
    return _exit_code(report, fail_on)


def _words(values: list[str] | None) -> list[str]:
    """``--select TD1,overfitting --select TD2`` as one list."""
    return [word.strip() for value in values or () for word in value.split(",") if word.strip()]


def _format(format: str | None, output: Path | None) -> str:
    """The format asked for, else the one the file's suffix stands for, else text."""
    from traindiag.reports.base import all_renderers, format_of_suffix

    if format is not None or output is None or str(output) == "-":
        return format or "text"
    by_suffix = format_of_suffix(output)
    if by_suffix is None:
        suffixes = sorted(suffix for each in all_renderers().values() for suffix in each.suffixes)
        raise UsageError(
            f"no format has the suffix {output.suffix!r}",
            where=str(output),
            next_step=f"give --format, or end the name in one of {' '.join(suffixes)}",
        )
    return by_suffix


def _options(color: Color, verbose: bool, output: Path | None) -> Options:
    from traindiag.reports.base import Options

    if output is not None and str(output) != "-":
        return Options(width=width_of(), color=color is Color.ALWAYS, verbose=verbose)
    return Options(
        width=width_of(),
        color=wants_color(sys.stdout, color),
        ascii=only_ascii(sys.stdout),
        verbose=verbose,
    )


def _warn(report: Report, *, quiet: bool) -> None:
    """Unreadable files on standard error; a terminal that shows the text report has them there already."""
    if report.runs and quiet:
        return
    kind = "warning" if report.runs else "error"
    for each in report.unreadable:
        say(f"traindiag: {kind}: {each.path}: {each.message}")


def _draw(report: Report, folder: Path) -> None:
    from traindiag.plots.save import save_figures
    from traindiag.reports.numbers import counted

    with busy("drawing figures"):
        written = save_figures(report, folder)
    say(f"traindiag: wrote {counted(len(written), 'figure')} to {folder}")


def _exit_code(report: Report, fail_on: Severity | None) -> int:
    if not report.runs:
        return 2
    if fail_on is None:
        return 0
    ill = (run.verdict for run in report.runs if run.verdict.status == "ill")
    return int(any(verdict.severity.rank >= fail_on.rank for verdict in ill))
