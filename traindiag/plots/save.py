"""Figures as files: names of runs become safe file names, and nothing is written outside the folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from traindiag.model.errors import UsageError
from traindiag.model.report import Report
from traindiag.plots.base import figure_bytes
from traindiag.plots.loss import LossDisplay
from traindiag.plots.overview import OverviewDisplay

FORMATS = ("png", "svg", "pdf")
LONGEST = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)


def save_figures(report: Report, folder: Path, format: str = "png") -> list[Path]:
    """Write the loss curves of every run, and an overview when there are several.

    Args:
        report: whose runs to draw.
        folder: where to; made if it is not there.
        format: png, svg or pdf.

    Raises:
        UsageError: the folder or a file cannot be written, or the format is unknown.
    """
    if format not in FORMATS:
        raise UsageError(f"no figures in {format!r}", next_step=f"choose one of {', '.join(FORMATS)}")
    names = file_names([run.name for run in report.runs], taken=[OverviewDisplay.name])
    pictures = [
        (f"{name}.{format}", LossDisplay.from_run(run)) for name, run in zip(names, report.runs, strict=True)
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write(folder / name, figure_bytes(each.figure(), format)) for name, each in pictures]
        if len(report.runs) > 1:
            whole = OverviewDisplay.from_runs(report.runs).figure()
            path = folder / f"{OverviewDisplay.name}.{format}"
            written.append(_write(path, figure_bytes(whole, format)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(folder), next_step="name a folder that can be written") from error
    return written


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
