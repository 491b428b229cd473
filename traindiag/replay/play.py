"""Playing a recorded run back: what would have been said at each epoch, knowing only what was logged by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from traindiag.diagnosis import diagnose_run
from traindiag.model.frame import MISSING, Series
from traindiag.model.report import RunReport
from traindiag.model.run import Run
from traindiag.replay.changes import Change, Known
from traindiag.replay.logs import epoch_logs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """One epoch of a replay.

    Attributes:
        epoch: the epoch that has just ended.
        logs: its values, in Keras' names.
        report: what is said of the run so far.
        change: findings that came and went with this epoch.
    """

    epoch: int
    logs: dict[str, float]
    report: RunReport
    change: Change


def until(run: Run, epoch: int) -> Run:
    """The run as its log stood at the end of an epoch. Rows that belong to no epoch are left out."""
    series = []
    for each in run.series:
        if each.epoch is None:
            continue
        rows = (each.epoch <= epoch) & (each.epoch != MISSING)
        if rows.any():
            series.append(_rows(each, rows))
    return Run(name=run.name, source=run.source, series=series, params=run.params)


def _rows(series: Series, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Series:
    return Series(
        series.split,
        series.metric,
        series.value[rows],
        epoch=None if series.epoch is None else series.epoch[rows],
        step=None if series.step is None else series.step[rows],
        wall_time=None if series.wall_time is None else series.wall_time[rows],
    )


def play(run: Run, known: Known | None = None) -> Iterator[Moment]:
    """The run epoch by epoch, judged anew at each.

    Args:
        run: the recorded run.
        known: keeps track of findings; a fresh one when not given. Read `known.first` for the first warning.

    Raises:
        UsageError: the log has no epochs.
    """
    known = Known() if known is None else known
    logs = epoch_logs(run)
    for epoch, values in zip(logs.epochs, logs.logs, strict=True):
        report = diagnose_run(until(run, epoch))
        yield Moment(epoch=epoch, logs=values, report=report, change=known.look(report))
