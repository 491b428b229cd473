"""How a command gives its report: the format, the layout, the warnings and the figures."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from traindiag.cli.output import opened_result, say, writable, write_result
from traindiag.cli.progress import busy
from traindiag.cli.terminal import Color, only_ascii, wants_color, width_of
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity

if TYPE_CHECKING:
    from traindiag.check import Gate
    from traindiag.model.report import Report, RunReport, Unreadable
    from traindiag.reports.base import Options
    from traindiag.reports.formats import Formats


@dataclass(frozen=True, slots=True)
class Target:
    """One place a report goes to: a file, or None for standard output; and its format."""

    format: str
    path: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What analyze and check are told of how to give their report; the fields are their options.

    Attributes:
        format: by name, of standard output or of the only file.
        output: files to write, as ``FILE`` or ``FORMAT:FILE``; ``-``, or none at all, is standard output.
        plots: folder for a figure of each run.
        to_tensorboard: whether to write each verdict beside its run.
        min_severity: findings below it are left out.
    """

    format: str | None
    output: Sequence[str]
    plots: Path | None
    to_tensorboard: bool
    min_severity: Severity
    verbose: bool
    color: Color

    def targets(self) -> list[Target]:
        """Where the report goes; asked for early, so that a mistake is told before anything is read.

        Raises:
            UsageError: there is no such format, no format has the suffix of a file, a file cannot be written,
                or ``--format`` means none of them.
        """
        targets = [self._target(each) for each in self.output or ["-"]]
        if self.format is not None and self.format not in {each.format for each in targets}:
            raise UsageError(
                "says nothing of files that have a format of their own",
                where=f"--format {self.format}",
                next_step="leave it out, or add -o - for standard output",
            )
        return targets

    def _target(self, output: str) -> Target:
        from traindiag.reports.base import FORMATS

        before, colon, after = output.partition(":")
        if colon and after and before in FORMATS.all():
            writable(Path(after))
            return Target(before, Path(after))
        if output == "-":
            return Target(FORMATS.named(self.format or "text").name, None)
        format = self.format if len(self.output) == 1 else None
        return Target(FORMATS.named(format_for(format, Path(output), FORMATS)).name, Path(output))

    def draws(self) -> bool:
        """Whether the curves of runs are needed."""
        from traindiag.reports.base import renderer

        draws = any(renderer(each.format).draws for each in self.targets())
        return draws or self.plots is not None or self.to_tensorboard

    def streams(self) -> bool:
        """Whether each run can be told as soon as it is judged, and be forgotten."""
        from traindiag.reports.base import renderer

        targets = self.targets()
        return len(targets) == 1 and renderer(targets[0].format).repeated is not None and not self.draws()

    def stream(self, runs: Iterable[RunReport], unreadable: Sequence[Unreadable]) -> int:
        """Write each run as it comes, then what could not be read; how many runs there were.

        Args:
            unreadable: complete when all runs have come.
        """
        from traindiag import __version__
        from traindiag.model.report import Report
        from traindiag.reports.base import renderer
        from traindiag.reports.narrow import narrowed

        (target,) = self.targets()
        writer, options = renderer(target.format), layout(self.color, self.verbose, target.path)
        count = 0
        with opened_result(target.path, document=True) as write:

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
        from traindiag.reports.narrow import narrowed

        report, targets = narrowed(report, self.min_severity), self.targets()
        # A gate that could read nothing says so in its reason.
        if report.runs or gate is None:
            warn(report, quiet=Target("text", None) in targets and sys.stdout.isatty())
        for target in targets:
            if report.runs or target.format != "text":
                self._write(report, gate, target)
        if self.plots is not None:
            draw(report, self.plots)
        if self.to_tensorboard:
            show_in_tensorboard(report)

    def _write(self, report: Report, gate: Gate | None, target: Target) -> None:
        from traindiag.reports.base import renderer

        options = layout(self.color, self.verbose, target.path)
        if gate is not None:
            options = replace(options, failing=gate.faults, accepted=gate.accepted)
        text = renderer(target.format).render(report, options)
        write_result(text, target.path, document=target.format != "text")


def format_for(format: str | None, output: Path | None, formats: Formats[Any]) -> str:
    """The format asked for, else the one the file's suffix stands for, else text.

    Raises:
        UsageError: no format has the suffix, or the file cannot be written.
    """
    if output is None or str(output) == "-":
        return format or "text"
    writable(output)
    if format is not None:
        return format
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
