"""The tidy frame: one observation a row.

=========== ================ ===========================================================
column      dtype            meaning
=========== ================ ===========================================================
run         str              name of the run
split       category         train, val or test
metric      str              bare name: ``loss``, ``accuracy``, ``learning_rate``
epoch       Int64, nullable  zero-based epoch
step        Int64, nullable  optimizer step or batch, for rows on the iteration axis
wall_time   float64          seconds since the Unix epoch; NaN where the log has none
value       float64          NaN and infinities are data
=========== ================ ===========================================================

A series is the rows of one (split, metric). Its per-epoch values are `Curve`s (see `curve.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("run", "split", "metric", "epoch", "step", "wall_time", "value")
SPLITS = ("train", "val", "test")
MISSING = -(2**63)
"""Marks a missing epoch or step in the integer arrays given to `frame_from_series`."""


class Series:
    """The rows of one (split, metric), as a reader hands them over.

    Args:
        split: train, val or test.
        metric: bare name.
        value: float64, shape (n,).
        epoch: int64, shape (n,), or None when no row has an epoch; `MISSING` for single gaps.
        step: likewise, for the iteration axis.
        wall_time: float64 seconds, shape (n,), or None.
    """

    __slots__ = ("epoch", "metric", "split", "step", "value", "wall_time")

    def __init__(
        self,
        split: str,
        metric: str,
        value: Any,
        *,
        epoch: Any = None,
        step: Any = None,
        wall_time: Any = None,
    ) -> None:
        self.split = split
        self.metric = metric
        self.value: NDArray[np.float64] = np.asarray(value, dtype=np.float64)
        self.epoch: NDArray[np.int64] | None = None if epoch is None else np.asarray(epoch, dtype=np.int64)
        self.step: NDArray[np.int64] | None = None if step is None else np.asarray(step, dtype=np.int64)
        self.wall_time: NDArray[np.float64] | None = (
            None if wall_time is None else np.asarray(wall_time, dtype=np.float64)
        )

    def __len__(self) -> int:
        return len(self.value)


def frame_from_series(run: str, series: Sequence[Series]) -> pd.DataFrame:
    """The tidy frame of a run, series after series, each in the order it was logged."""
    return frame_of_runs([(run, series)])


def frame_of_runs(runs: Sequence[tuple[str, Sequence[Series]]]) -> pd.DataFrame:
    """The tidy frame of several runs, one after the other."""
    import pandas as pd

    series = [each for _, several in runs for each in several]
    lengths = [len(each) for each in series]
    total = sum(lengths)

    def integers(arrays: list[NDArray[np.int64] | None]) -> Any:
        joined = np.zeros(total, dtype=np.int64)
        mask = np.ones(total, dtype=np.bool_)
        end = 0
        for array, length in zip(arrays, lengths, strict=True):
            if array is not None:
                part = slice(end, end + length)
                joined[part] = array
                mask[part] = missing = array == MISSING
                if missing.any():
                    joined[part][missing] = 0
            end += length
        return pd.arrays.IntegerArray(joined, mask)

    def floats(arrays: list[NDArray[np.float64] | None]) -> NDArray[np.float64]:
        parts = [
            np.full(length, np.nan) if array is None else array
            for array, length in zip(arrays, lengths, strict=True)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def texts(names: list[str], counts: list[int]) -> Any:
        # Taking from an array of each name once checks every name once, not every row.
        each_once = pd.Series(names, dtype="str").array
        return each_once.take(np.repeat(np.arange(len(names)), counts))

    split_codes = np.array([SPLITS.index(each.split) for each in series], dtype=np.int8)
    return pd.DataFrame(
        {
            "run": texts([run for run, _ in runs], [sum(map(len, several)) for _, several in runs]),
            "split": pd.Categorical.from_codes(np.repeat(split_codes, lengths), categories=pd.Index(SPLITS)),
            "metric": texts([each.metric for each in series], lengths),
            "epoch": integers([each.epoch for each in series]),
            "step": integers([each.step for each in series]),
            "wall_time": floats([each.wall_time for each in series]),
            "value": floats([each.value for each in series]),
        },
        copy=False,
    )


def series_of_frame(frame: pd.DataFrame) -> list[Series]:
    """The series of a tidy frame, in order of first appearance; the inverse of `frame_from_series`.

    Args:
        frame: columns as in this module's table; epoch, step and wall_time may be absent.
    """
    if len(frame) == 0:
        return []
    import pandas as pd

    length = len(frame)

    def column(name: str) -> NDArray[np.int64] | None:
        if name not in frame.columns:
            return None
        array = frame[name].array
        if isinstance(array, pd.arrays.IntegerArray):
            return array.to_numpy(dtype=np.int64, na_value=MISSING)
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), np.nan_to_num(values, posinf=0, neginf=0), MISSING).astype(
            np.int64
        )

    epoch, step = column("epoch"), column("step")
    value = frame["value"].to_numpy(dtype=np.float64)
    wall = (
        frame["wall_time"].to_numpy(dtype=np.float64)
        if "wall_time" in frame.columns
        else np.full(length, np.nan)
    )
    split_codes, split_names = pd.factorize(frame["split"].astype(object))
    metric_codes, metric_names = pd.factorize(frame["metric"])
    key = split_codes.astype(np.int64) * max(len(metric_names), 1) + metric_codes
    order = np.argsort(key, kind="stable")
    bounds = np.flatnonzero(np.diff(key[order], prepend=-1))
    groups = sorted(np.split(order, bounds[1:]), key=lambda rows: int(rows[0]))

    def part(array: NDArray[Any] | None, rows: NDArray[np.int64], missing: Any) -> NDArray[Any] | None:
        if array is None:
            return None
        picked = array[rows]
        blank = np.isnan(picked) if missing is None else picked == missing
        return None if blank.all() else picked

    return [
        Series(
            str(split_names[split_codes[rows[0]]]),
            str(metric_names[metric_codes[rows[0]]]),
            value[rows],
            epoch=part(epoch, rows, MISSING),
            step=part(step, rows, MISSING),
            wall_time=part(wall, rows, None),
        )
        for rows in groups
    ]
