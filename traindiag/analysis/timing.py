"""How long epochs took, and how long the accelerator waited for data.

Names that are understood (the last part of the metric's name, in any case):

- seconds of an epoch: ``epoch_time``, ``epoch_seconds``, ``epoch_duration``, ``time_per_epoch``; without
  one of them, the wall times of the training loss;
- mean seconds of a step: ``step_time``, ``batch_time``, ``iter_time``, ``iteration_time``;
- mean seconds of a step that were spent waiting for its data, part of the former: ``data_time``,
  ``wait_time``, ``data_wait``, ``input_time``, ``dataloader_time``. Detectron2 and MMEngine log it beside
  ``time``, the seconds of the whole step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.frame import MISSING, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH_TIME = frozenset({"epoch_time", "epoch_seconds", "epoch_duration", "time_per_epoch"})
STEP_TIME = ("step_time", "batch_time", "iter_time", "iteration_time", "time")
WAIT_TIME = ("data_time", "wait_time", "data_wait", "input_time", "dataloader_time")


def last_part(metric: str) -> str:
    """``timing/data_time`` -> ``data_time``."""
    return metric.lower().rsplit("/", 1)[-1]


def epoch_seconds(signals: Signals) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Epochs and the seconds each took, both of shape (n,); None when the log does not tell."""
    for curve in signals.curves:
        if last_part(curve.metric) in EPOCH_TIME and curve.axis == "epoch" and curve.split == "train":
            good = np.isfinite(curve.value) & (curve.value > 0)
            return curve.epoch[good], curve.value[good]
    loss = signals.train if signals.train is not None else signals.val
    if loss is None or loss.axis != "epoch":
        return None
    return _from_wall_times(signals.logged(loss))


def _from_wall_times(series: Series) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Seconds between the last rows of neighbouring epochs; over a restart or a gap nothing is known."""
    if series.wall_time is None or series.epoch is None:
        return None
    known = np.isfinite(series.wall_time) & (series.epoch != MISSING)
    epoch, wall = series.epoch[known], series.wall_time[known]
    last = np.append(np.diff(epoch) != 0, True) if len(epoch) else np.zeros(0, dtype=bool)
    epoch, wall = epoch[last], wall[last]
    seconds = np.diff(wall)
    good = (np.diff(epoch) == 1) & (seconds > 0)
    return (epoch[1:][good], seconds[good]) if np.any(good) else None


def waiting(signals: Signals) -> tuple[Curve, Curve] | None:
    """The curves of the time waited for data and of the whole step; None unless both are logged."""
    by_name = {last_part(curve.metric): curve for curve in reversed(signals.curves) if curve.split == "train"}
    wait = next((by_name[name] for name in WAIT_TIME if name in by_name), None)
    step = next((by_name[name] for name in STEP_TIME if name in by_name), None)
    return None if wait is None or step is None else (wait, step)
