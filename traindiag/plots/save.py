"""Figures as files: names of runs become safe file names, and nothing is written outside the folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from traindiag.comparison.shapes import Comparison
from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Report
from traindiag.plots.base import Display, all_displays, figure_bytes
from traindiag.plots.comparison import ComparisonDisplay
from traindiag.plots.loss import LossDisplay
from traindiag.plots.overview import OverviewDisplay

FORMATS = ("png", "svg", "pdf")
LONGEST = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)


def save_figures(
    report: Report, folder: Path, format: str = "png", figures: Sequence[str] = (LossDisplay.name,)
) -> list[Path]:
    """Write figures of every run, and an overview when there are several.

    Args:
        report: whose runs to draw.
        folder: where to; made if it is not there.
        format: png, svg or pdf.
        figures: kinds of figures, see `all_displays`; those a run has no data for are left out.

    Raises:
        UsageError: the folder or a file cannot be written, or a format or figure is unknown.
    """
    _check_format(format)
    displays = [_display(name) for name in figures]
    pictures = [
        (run.name if kind == LossDisplay.name else f"{run.name}-{kind}", display)
        for run in report.runs
        for each in displays
        for kind, display in each.all_from_run(run)
    ]
    names = file_names([name for name, _ in pictures], taken=[OverviewDisplay.name])
    with _writable(folder):
        written = [
            _write(folder / f"{name}.{format}", figure_bytes(display.figure(), format))
            for name, (_, display) in zip(names, pictures, strict=True)
        ]
        if len(report.runs) > 1:
            whole = OverviewDisplay.from_runs(report.runs).figure()
            path = folder / f"{OverviewDisplay.name}.{format}"
            written.append(_write(path, figure_bytes(whole, format)))
    return written


def save_comparisons(comparisons: Sequence[Comparison], folder: Path, format: str = "png") -> list[Path]:
    """Write one figure of each comparison: ``comparison.png``, or ``comparison-val_loss.png`` of several.

    Raises:
        UsageError: as `save_figures`.
    """
    _check_format(format)
    several = len(comparisons) > 1
    stem = ComparisonDisplay.name
    names = file_names(f"{stem}-{each.metric}" if several else stem for each in comparisons)
    with _writable(folder):
        return [
            _write(
                folder / f"{name}.{format}",
                figure_bytes(ComparisonDisplay.from_comparison(each).figure(), format),
            )
            for name, each in zip(names, comparisons, strict=True)
        ]


def _check_format(format: str) -> None:
    if format not in FORMATS:
        raise UsageError(f"no figures in {format!r}", next_step=f"choose one of {', '.join(FORMATS)}")


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """The folder, made if it is not there; what goes wrong in it is an error of use."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(folder), next_step="name a folder that can be written") from error


def _display(name: str) -> type[Display]:
    known = all_displays()
    if name not in known:
        hint = did_you_mean(name, known, otherwise=f"choose one of {', '.join(known)}")
        raise UsageError(f"no figure {name!r}", next_step=hint)
    return known[name]


def file_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """One file name a run: letters, digits, dots, dashes; no path, none twice whatever the case."""
    used = {name.lower() for name in taken}
    found = []
    for name in names:
        stem = _slug(name)
        unique, count = stem, 1
        while unique.lower() in used:
            count += 1
            unique = f"{stem}-{count}"
        used.add(unique.lower())
        found.append(unique)
    return found


def _slug(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    slug = re.sub(r"\.{2,}", ".", slug).strip(".-")[:LONGEST].strip(".-") or "run"
    return f"run-{slug}" if _RESERVED.match(slug) else slug


def _write(path: Path, data: bytes) -> Path:
    if path.is_symlink():
        # Somebody's link must not lead the picture out of the folder.
        path.unlink()
    path.write_bytes(data)
    return path
