"""Runs from what is in memory already: a History, a dict of lists, a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.model.errors import UsageError
from traindiag.model.frame import COLUMNS, Series
from traindiag.model.names import split_and_metric
from traindiag.model.run import Run, Source

if TYPE_CHECKING:
    import pandas as pd


def run_from_history(
    history: Mapping[str, Sequence[float | None]],
    *,
    name: str = "run",
    epoch: Sequence[int] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Run:
    """A run from a dict of lists, as in ``keras.callbacks.History.history``.

    Args:
        history: one list a metric, ``{"loss": [...], "val_loss": [...]}``. None stands for a missing value;
            NaN is a value.
        name: name of the run.
        epoch: zero-based epochs, for all lists as long as this; 0, 1, 2, ... when not given.
        params: hyper-parameters, when known.

    Raises:
        UsageError: a value is no number.
    """
    series = []
    for key, values in history.items():
        split, metric = split_and_metric(str(key))
        try:
            numbers = [None if value is None else float(value) for value in values]
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{key!r} is no list of numbers",
                where=name,
                next_step="pass a dict of lists such as hist.history",
            ) from error
        epochs = range(len(numbers)) if epoch is None or len(epoch) != len(numbers) else epoch
        rows = [(at, number) for at, number in zip(epochs, numbers, strict=True) if number is not None]
        if rows:
            series.append(Series(split, metric, [row[1] for row in rows], epoch=[row[0] for row in rows]))
    source = Source(path=name, reader="memory")
    return Run(name=name, source=source, series=series, params=dict(params or {}))


def runs_from_frame(frame: pd.DataFrame, *, name: str = "run") -> list[Run]:
    """Runs from a DataFrame: the tidy frame, or Keras' wide view with one row an epoch.

    Args:
        frame: with columns ``metric`` and ``value`` it is taken as tidy, one run for each value of ``run``;
            else as wide: an ``epoch`` column or the index counts epochs, every numeric column is a metric.

    Raises:
        UsageError: there is no numeric column.
    """
    if {"metric", "value"} <= set(frame.columns):
        return _runs_from_tidy(frame, name)
    numeric = frame.select_dtypes("number")
    epoch = numeric["epoch"].to_numpy() if "epoch" in numeric.columns else frame.index.to_numpy()
    if epoch.dtype.kind not in "iu":
        epoch = np.arange(len(frame))
    columns = [column for column in numeric.columns if column != "epoch"]
    if not columns:
        raise UsageError(
            "the DataFrame has no numeric column", where=name, next_step="pass one column a metric"
        )
    history = {
        str(column): [None if value is None else value for value in numeric[column]] for column in columns
    }
    return [run_from_history(history, name=name, epoch=[int(each) for each in epoch])]


def _runs_from_tidy(frame: pd.DataFrame, name: str) -> list[Run]:
    frame = frame.copy()
    for column, default in (("run", name), ("split", "train")):
        if column not in frame.columns:
            frame[column] = default
    for column in ("epoch", "step", "wall_time"):
        if column not in frame.columns:
            frame[column] = np.nan if column == "wall_time" else None
    return [
        Run(
            name=str(key),
            source=Source(path=str(key), reader="memory"),
            frame=rows[list(COLUMNS)].reset_index(drop=True),
        )
        for key, rows in frame.groupby("run", sort=False)
    ]
