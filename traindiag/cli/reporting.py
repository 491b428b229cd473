"""How a command gives its report: the format, the layout, the warnings and the figures."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from traindiag.cli.output import opened_result, say, write_result
from traindiag.cli.progress import busy
from traindiag.cli.terminal import Color, only_ascii, wants_color, width_of
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.check import Gate
    from traindiag.model.report import Report, RunReport, Unreadable
    from traindiag.reports.base import Options
    from traindiag.reports.formats import Formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What analyze and check are told of how to give their report; the fields are their options.

    Attributes:
        format: by name; None takes it from the suffix of `output`.
        output: file to write; None or ``-`` is standard output.
        plots: folder for a figure of each run.
        to_tensorboard: whether to write each verdict beside its run.
        min_severity: findings below it are left out.
    """

    format: str | None
    output: Path | None
    plots: Path | None
    to_tensorboard: bool
    min_severity: Severity
    verbose: bool
    color: Color

    def chosen(self) -> str:
        """The name of the format; asked for early, so that a misspelt one is told before anything is read.

        Raises:
            UsageError: there is no such format, or no format has the suffix of `output`.
        """
        from traindiag.reports.base import FORMATS

        return FORMATS.named(format_for(self.format, self.output, FORMATS)).name

    def draws(self) -> bool:
        """Whether the curves of runs are needed."""
        from traindiag.reports.base import renderer

        return renderer(self.chosen()).draws or self.plots is not None or self.to_tensorboard

    def streams(self) -> bool:
        """Whether each run can be told as soon as it is judged, and be forgotten."""
        from traindiag.reports.base import renderer

        return renderer(self.chosen()).repeated is not None and not self.draws()

    def stream(self, runs: Iterable[RunReport], unreadable: Sequence[Unreadable]) -> int:
        """Write each run as it comes, then what could not be read; how many runs there were.

        Args:
            unreadable: complete when all runs have come.
        """
        from traindiag import __version__
        from traindiag.model.report import Report
        from traindiag.reports.base import renderer
        from traindiag.reports.narrow import narrowed

        writer, options = renderer(self.chosen()), layout(self.color, self.verbose, self.output)
        count = 0
        with opened_result(self.output, document=True) as write:

            def part(**what: Any) -> None:
                text = writer.render(Report(**what, version=__version__), options)
                if text:
                    write(text if not count else "".join(text.splitlines(True)[writer.repeated :]))

            for run in runs:
                part(runs=narrowed(Report(runs=(run,)), self.min_severity).runs)
                count += 1
            part(runs=(), unreadable=tuple(unreadable))
        warn_of(unreadable, error=not count)
        return count

    def give(self, report: Report, gate: Gate | None = None) -> None:
        """Write the report, the warnings and what else was asked for.

        Args:
            gate: the gate that judged the runs, if there was one.
        """
        from traindiag.reports.base import renderer
        from traindiag.reports.narrow import narrowed

        writer = renderer(self.chosen())
        report = narrowed(report, self.min_severity)
        # A gate that could read nothing says so in its reason.
        if report.runs or gate is None:
            warn(report, quiet=writer.name == "text" and self.output is None and sys.stdout.isatty())
        if report.runs or writer.name != "text":
            options = layout(self.color, self.verbose, self.output)
            if gate is not None:
                options = replace(options, failing=gate.faults, accepted=gate.accepted)
            write_result(writer.render(report, options), self.output, document=writer.name != "text")
        if self.plots is not None:
            draw(report, self.plots)
        if self.to_tensorboard:
            show_in_tensorboard(report)


def format_for(format: str | None, output: Path | None, formats: Formats[Any]) -> str:
    """The format asked for, else the one the file's suffix stands for, else text.

    Raises:
        UsageError: no format has the suffix.
    """
    if format is not None or output is None or str(output) == "-":
        return format or "text"
    if output.is_dir():
        raise UsageError("is a folder", where=str(output), next_step="name a file in it")
    by_suffix = formats.of_suffix(output)
    if by_suffix is None:
        suffixes = sorted(suffix for each in formats.all().values() for suffix in each.suffixes)
        raise UsageError(
            f"no format has the suffix {output.suffix!r}",
            where=str(output),
            next_step=f"give --format, or end the name in one of {' '.join(suffixes)}",
        )
    return by_suffix


def layout(color: Color, verbose: bool, output: Path | None, stream: TextIO | None = None) -> Options:
    """How to write to the file named, else to a stream; standard output when there is neither."""
    from traindiag.reports.base import Options

    if output is not None and str(output) != "-":
        return Options(width=width_of(), color=color is Color.ALWAYS, verbose=verbose)
    return Options(
        width=width_of(),
        color=wants_color(stream or sys.stdout, color),
        ascii=only_ascii(stream or sys.stdout),
        verbose=verbose,
    )


def warn(report: Report, *, quiet: bool) -> None:
    """Unreadable files on standard error; a terminal that shows the text report has them there already."""
    if report.runs and quiet:
        return
    warn_of(report.unreadable, error=not report.runs)


def warn_of(unreadable: Iterable[Unreadable], *, error: bool) -> None:
    """Unreadable files on standard error."""
    kind = "error" if error else "warning"
    for each in unreadable:
        say(f"traindiag: {kind}: {each.path}: {each.message}")


def draw(report: Report, folder: Path) -> None:
    from traindiag.plots.save import save_figures
    from traindiag.reports.numbers import counted

    with busy("drawing figures"):
        written = save_figures(report, folder)
    say(f"traindiag: wrote {counted(len(written), 'figure')} to {folder}")


def show_in_tensorboard(report: Report) -> None:
    from traindiag.capture.verdict_events import write_verdicts
    from traindiag.reports.numbers import counted

    folders = write_verdicts(report)
    if folders:
        where = str(folders[0]) + (f" and {len(folders) - 1} more" if len(folders) > 1 else "")
        say(f"traindiag: {counted(len(folders), 'verdict')} for TensorBoard in {where}")
