"""The Python API: read logs, diagnose and compare runs, render reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.report import Report
from traindiag.model.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from traindiag.comparison.shapes import Comparison
    from traindiag.readers.discover import Found

Path = str | os.PathLike[str]


def read(
    path: Path,
    *,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
    histograms: bool = False,
) -> Run:
    """The one run in a file or folder.

    Args:
        path: a log file, or a folder that holds one run in one or several forms.
        reader: name of the reader to use; None recognises the format by itself.
        names: what columns and keys mean that cannot be guessed: ``{"trn": "loss", "dev": "val_loss"}``.
        histograms: whether histograms in event files are reduced to statistics (extremes, mean, norm, share of
            zeros of weights, gradients and activations); else they are passed over, which is faster.

    Raises:
        UnreadableError: nothing there can be read as a log.
        UsageError: there are several runs; `read_all` takes them all.
    """
    found = read_all(path, reader=reader, names=names, histograms=histograms)
    if len(found.runs) == 1:
        return found.runs[0]
    if not found.runs:
        first = found.unreadable[0]
        raise UnreadableError(first.message, where=first.path)
    titles = [run.name for run in found.runs]
    shown = ", ".join(titles[:6]) + (f" and {len(titles) - 6} more" if len(titles) > 6 else "")
    raise UsageError(
        f"{len(titles)} runs ({shown})", where=str(path), next_step="name one of them, or use read_all"
    )


def read_all(
    *paths: Path,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
    histograms: bool = False,
) -> Found:
    """Every run below some files and folders, and the files that could not be read.

    Args:
        paths: log files, folders, or ``-`` for standard input.
        reader: name of the reader to use; None recognises each format by itself.
        names: what columns and keys mean that cannot be guessed: ``{"trn": "loss", "dev": "val_loss"}``.
        histograms: whether histograms in event files are reduced to statistics (extremes, mean, norm, share of
            zeros of weights, gradients and activations); else they are passed over, which is faster.

    Raises:
        UsageError: no path is given, or there is no reader of that name.
    """
    from traindiag.readers.discover import find_runs

    return find_runs(paths, reader=reader, names=names, histograms=histograms)


def diagnose(
    what: Run | Mapping[str, Any] | pd.DataFrame | Iterable[Run] | Any,
    *,
    name: str = "run",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> Report:
    """Judge one run or several; in a notebook the report shows itself.

    Args:
        what: a `Run` or several of them; a Keras `History` or a dict of lists such as its ``history``; a
            DataFrame, tidy or with one column a metric.
        name: name of the run, for what has none of its own.
        select, ignore: rules by name, code or beginning of a code, as on the command line.

    Raises:
        UsageError: it is none of these, or a rule's name is unknown.
    """
    from traindiag.diagnosis import diagnose_runs

    return diagnose_runs(_runs(what, name), select=select, ignore=ignore)


def compare(
    groups: Mapping[str, Any],
    *,
    metric: str | None = None,
    mode: Literal["min", "max"] | None = None,
    base: str | None = None,
    target: float | None = None,
    least: float = 0.01,
) -> Comparison:
    """Compare settings, each given as one run or as the runs of its seeds; in a notebook the result shows itself.

    Args:
        groups: by name of the setting, anything that `diagnose` takes; ``read_all(path).runs`` are the seeds
            below a folder.
        metric, mode, base, target, least: as for ``traindiag compare``; see `compare_runs` in `traindiag.comparison`.

    Raises:
        UsageError: there is nothing to compare with, or a group does not log the metric.
    """
    from traindiag.comparison.compare import compare_runs
    from traindiag.comparison.shapes import Comparison

    Comparison.html_renderer = _notebook
    return compare_runs(
        {name: _runs(what, name) for name, what in groups.items()},
        metric=metric,
        mode=mode,
        base=base,
        target=target,
        least=least,
    )


def _runs(what: Any, name: str) -> list[Run]:
    from traindiag.model.convert import run_from_history, runs_from_frame

    if isinstance(what, Run):
        return [what]
    history = getattr(what, "history", what)  # keras.callbacks.History holds the dict under this name
    if isinstance(history, Mapping):
        return [run_from_history(history, name=name, epoch=getattr(what, "epoch", None) or None)]
    if hasattr(what, "columns") and hasattr(what, "iloc"):
        return runs_from_frame(what, name=name)
    if isinstance(what, Iterable) and not isinstance(what, (str, bytes, os.PathLike)):
        runs = list(what)
        if all(isinstance(run, Run) for run in runs):
            return runs
    raise UsageError(
        f"cannot diagnose a {type(what).__name__}",
        next_step="pass a Run, a History, a dict of lists or a DataFrame; traindiag.read(path) reads a log",
    )


def render(report: Report | Comparison, format: str = "text", **options: Any) -> str:
    """A report or a comparison as text in one of the formats of ``traindiag analyze --format``.

    Args:
        report: what `diagnose` or `compare` returned.
        format: ``text``, ``json``, ``markdown``, ...
        options: ``width``, ``color``, ``ascii``, ``verbose``, see `traindiag.reports.base.Options`.

    Raises:
        UsageError: there is no such format.
    """
    from traindiag.reports.base import Options
    from traindiag.reports.base import render as render_report

    if isinstance(report, Report):
        return render_report(report, format, **options)
    from traindiag import __version__
    from traindiag.comparison.shapes import ComparisonReport
    from traindiag.reports.comparisons.base import render_comparison

    comparisons = ComparisonReport(comparisons=(report,), version=__version__)
    return render_comparison(comparisons, format, Options(**options))


def _notebook(report: Report | Comparison) -> str:
    return render(report, "notebook")


Report.html_renderer = _notebook
