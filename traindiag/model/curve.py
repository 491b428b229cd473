"""A curve: one value an epoch (or a bin of steps) of one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from traindiag.model.frame import MISSING, Series
from traindiag.model.names import Mode, mode_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Axis = Literal["epoch", "step"]
STEP_BINS = 400
"""A series without epochs is averaged into at most this many bins of steps before it is judged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Per-epoch values of one series.

    Attributes:
        metric: bare name, ``loss``.
        split: train, val or test.
        mode: whether less or more is better; None where the name does not tell.
        epoch: int64, shape (n,), strictly ascending: zero-based epochs, or steps when `axis` is "step".
        value: float64, shape (n,); NaN and infinities are kept.
        count: int64, shape (n,): how many logged rows each value stands for.
        axis: what `epoch` counts.
        restarts: how often the epochs stepped back in the log (a resumed or repeated run).
    """

    metric: str
    split: str
    mode: Mode | None
    epoch: NDArray[np.int64]
    value: NDArray[np.float64]
    count: NDArray[np.int64]
    axis: Axis = "epoch"
    restarts: int = 0

    @property
    def series(self) -> str:
        """The name used in evidence and trends: ``train/loss``."""
        return f"{self.split}/{self.metric}"

    def __len__(self) -> int:
        return len(self.value)


def curve_of_series(series: Series) -> Curve:
    """The curve of a series: one point an epoch.

    Rows of one epoch that have steps of their own are raw per-batch values and are averaged (Keras'
    epoch loss is the mean over the epoch's batches). Rows that repeat an epoch otherwise come from a
    restart, and the last one counts. Rows without any epoch are averaged in bins of steps.
    """
    value = series.value
    epoch, step = series.epoch, series.step
    if epoch is None or bool(np.all(epoch == MISSING)):
        return _step_curve(series)
    known = epoch != MISSING
    if not known.all():
        epoch, value = epoch[known], value[known]
        step = None if step is None else step[known]
    mode = mode_of(series.metric)
    restarts = int(np.count_nonzero(np.diff(epoch) < 0))
    if restarts == 0 and (len(epoch) < 2 or bool(np.all(np.diff(epoch) > 0))):
        count = np.ones(len(value), dtype=np.int64)
        return Curve(
            metric=series.metric, split=series.split, mode=mode, epoch=epoch, value=value, count=count
        )
    attempt = np.concatenate([[0], np.cumsum(np.diff(epoch) < 0)])
    order = np.lexsort((np.arange(len(epoch)), attempt, epoch))
    epoch, value, attempt = epoch[order], value[order], attempt[order]
    # Only the last attempt at an epoch counts: an earlier one was undone by the restart.
    ends = np.append(np.flatnonzero(np.diff(epoch)), len(epoch) - 1)
    last_attempt = np.repeat(attempt[ends], np.diff(np.concatenate([[-1], ends])))
    kept = attempt == last_attempt
    if step is None or not _steps_differ(step[order][kept], epoch[kept]):
        kept = np.zeros(len(epoch), dtype=bool)
        kept[ends] = True
    epoch, value = epoch[kept], value[kept]
    starts = np.flatnonzero(np.diff(epoch, prepend=epoch[0] - 1))
    count = np.diff(np.append(starts, len(epoch)))
    return Curve(
        metric=series.metric,
        split=series.split,
        mode=mode,
        epoch=epoch[starts],
        value=np.add.reduceat(value, starts) / count,
        count=count,
        restarts=restarts,
    )


def _steps_differ(step: NDArray[np.int64], epoch: NDArray[np.int64]) -> bool:
    same_epoch = np.diff(epoch) == 0
    return bool(np.any(np.diff(step)[same_epoch] != 0))


def _step_curve(series: Series) -> Curve:
    """Rows on the step axis (or in plain order), averaged into at most `STEP_BINS` bins of equal count."""
    step = np.arange(len(series.value)) if series.step is None else series.step
    restarts = int(np.count_nonzero(np.diff(step) < 0))
    order = np.argsort(step, kind="stable")
    step, value = step[order], series.value[order]
    last = np.append(np.diff(step) != 0, True) if len(step) else np.zeros(0, dtype=bool)
    step, value = step[last], value[last]
    bins = min(len(step), STEP_BINS)
    edges = np.linspace(0, len(step), bins + 1).astype(np.int64)
    count = np.diff(edges)
    mean = np.add.reduceat(value, edges[:-1]) / count if bins else value
    return Curve(
        metric=series.metric,
        split=series.split,
        mode=mode_of(series.metric),
        epoch=step[edges[1:] - 1] if bins else step,
        value=mean,
        count=count,
        axis="step",
        restarts=restarts,
    )


def curves_of_series(series: Sequence[Series]) -> list[Curve]:
    """The curves of several series, those without a single row left out."""
    return [curve_of_series(each) for each in series if len(each)]
