"""Records in logged order to runs: which split each is of, where epochs and steps stand, where a run starts again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from traindiag.analysis.epochs import better_by_step
from traindiag.model.frame import MISSING, Series
from traindiag.model.names import is_loss, split_and_metric
from traindiag.readers.parsing.epochs import FRACTIONAL
from traindiag.readers.parsing.records import (
    EPOCH_KEYS,
    STEP_KEYS,
    TIME_KEYS,
    Gathered,
    axis_value,
    seconds,
)
from traindiag.readers.parsing.splits import split_of_record

_NO_METRICS = ("mode", "memory", "eta_seconds", "rank_data_time", "n_parameters", "seed")
_MOST_LISTED = 5
_ROUNDING = 1e-9
_AXES = frozenset((*EPOCH_KEYS, *STEP_KEYS, *TIME_KEYS))


def runs_of_records(records: Iterable[dict[str, Any]]) -> list[tuple[list[Series], dict[str, str]]]:
    """The runs in a log of records: of each its series and what was inferred. Those without a value are left out."""
    runs = RecordRuns()
    for record in records:
        runs.add(record)
    return runs.found()


class RecordRuns:
    """Takes the records of a log one by one and keeps of them only numbers.

    A run is over where a header record follows metrics, or where epoch or step falls back to the very first. Records
    of a split, and those of nothing but one metric, are held against their like: a log may hold all epochs of one
    before those of the next.
    """

    def __init__(self) -> None:
        self._runs = [_Run()]
        self._mmengine = ""

    def add(self, record: dict[str, Any]) -> None:
        """The next record."""
        record = self._with_validation_told(record)
        split = split_of_record(record)
        epoch, step = axis_value(record, EPOCH_KEYS), axis_value(record, STEP_KEYS)
        kind = split, _only_value(record)
        header = "env_info" in record or "exp_name" in record
        if self._runs[-1].ends(kind, epoch, step, header=header):
            self._runs.append(_Run())
        self._runs[-1].add(record, kind, epoch, step)

    def found(self) -> list[tuple[list[Series], dict[str, str]]]:
        """The runs that hold a value, each with what was inferred."""
        runs = [run.series() for run in self._runs]
        return [(series, details) for series, details in runs if series]

    def _with_validation_told(self, record: dict[str, Any]) -> dict[str, Any]:
        """mmengine's records of a validation have no ``iter``, and their ``step`` counts epochs if there are any."""
        if "step" not in record:
            return record
        if "iter" in record:
            self._mmengine = self._mmengine or ("epoch" if "epoch" in record else "iter")
            return record
        if not self._mmengine:
            return record
        return {
            "mode": "val",
            self._mmengine: record["step"],
            **{key: record[key] for key in record if key != "step"},
        }


def _only_value(record: Mapping[str, Any]) -> str:
    """The one key of a record that is no axis; empty where there are several."""
    values = [key for key in record if key not in _AXES]
    return values[0] if len(values) == 1 else ""


class _Run:
    """One run in the making."""

    def __init__(self) -> None:
        self._gathered = Gathered(ignored=_NO_METRICS)
        self._seen: dict[tuple[str, str], tuple[float, float]] = {}
        self._by_epoch: bool | None = None
        self._epochs: set[int] = set()
        self._reached: list[float] = []
        self._last_steps: dict[float, float] = {}
        self._whole_and_not = [0, 0]

    def ends(self, kind: tuple[str, str], epoch: float | None, step: float | None, *, header: bool) -> bool:
        """Whether the next record begins another run."""
        position = self._position(epoch, step)
        first, last = self._seen.get(kind, (position, position))
        again = position is not None and first is not None and last is not None and position <= first < last
        return again or (header and bool(self._seen))

    def _position(self, epoch: float | None, step: float | None) -> float | None:
        return epoch if epoch is not None or self._by_epoch else step

    def add(
        self, record: dict[str, Any], kind: tuple[str, str], epoch: float | None, step: float | None
    ) -> None:
        """A record of this run."""
        if self._by_epoch is None:
            self._by_epoch = epoch is not None
        position = self._position(epoch, step)
        if position is not None:
            self._seen[kind] = self._seen.get(kind, (position, position))[0], position
        if epoch is not None:
            self._whole_and_not[not epoch.is_integer()] += 1
            self._epochs.add(math.ceil(epoch - _ROUNDING))
            self._reached = (
                [min(*self._reached, epoch), max(*self._reached, epoch)] if self._reached else [epoch] * 2
            )
            if step is not None and kind[0] == "train":
                self._last_steps[epoch] = max(step, self._last_steps.get(epoch, 0))
        self._gathered.add(
            record,
            epoch=None if epoch is None else math.ceil(epoch - _ROUNDING),
            step=None if step is None else int(step),
            wall_time=seconds(axis_value(record, TIME_KEYS)),
            split=kind[0],
        )

    def series(self) -> tuple[list[Series], dict[str, str]]:
        """The series on zero-based epochs, or on steps where these tell more, and what was inferred."""
        series = self._gathered.series()
        first = min(self._reached, default=0)
        whole, fractions = self._whole_and_not
        fractional = fractions * 3 > whole
        shift = int(first == 1 or fractional)
        per_epoch = 0 if fractional else _steps_of_an_epoch(self._last_steps)
        placed = [_placed(each, first=shift, per_epoch=per_epoch) for each in series]
        training = max((len(each) for each in series if each.split != "val"), default=0)
        steps = any(each.step is not None for each in series)
        by_step = bool(self._reached) and steps and better_by_step(self._reached, training)
        details = {"epochs": "one-based in the file, shifted to 0" if first == 1 else "as in the file"}
        if fractional:
            details = {"epochs": FRACTIONAL}
        if not self._reached:
            details = {"epochs": "none in the file: judged by step"}
        elif by_step:
            details = {"epochs": f"{len(self._epochs)} epochs in all: judged by step"}
            placed = [Series(s.split, s.metric, s.value, step=s.step, wall_time=s.wall_time) for s in placed]
        if per_epoch:
            details["steps"] = f"begin anew in each epoch of {per_epoch}: put one after the other"
        kept, silent = _without_silent(placed)
        if silent:
            details["left out"] = f"NaN throughout: {', '.join(silent[:_MOST_LISTED])}" + (
                f" and {len(silent) - _MOST_LISTED} more" if len(silent) > _MOST_LISTED else ""
            )
        return kept, details


def _placed(series: Series, *, first: int, per_epoch: int) -> Series:
    """The series with epochs from 0, and steps that go on from epoch to epoch: those of a validation at its end."""
    epoch, step = series.epoch, series.step
    if epoch is None:
        return series
    known = epoch != MISSING
    epoch = np.where(known, np.maximum(epoch - first, 0) if first else epoch, MISSING)
    if per_epoch and step is not None:
        within_epoch = step if series.split == "train" else per_epoch
        step = np.where(known & (step != MISSING), epoch * per_epoch + within_epoch, step)
    return Series(
        series.split, series.metric, series.value, epoch=epoch, step=step, wall_time=series.wall_time
    )


def _steps_of_an_epoch(last: Mapping[float, float]) -> int:
    """How many steps an epoch has where they are counted within each; 0 where they go on.

    Args:
        last: the greatest step of training by epoch.
    """
    lasts = [last[epoch] for epoch in sorted(last)]
    rising = all(later > earlier for earlier, later in itertools.pairwise(lasts))
    return 0 if rising else int(max(lasts, default=0))


def _without_silent(series: Sequence[Series]) -> tuple[list[Series], list[str]]:
    """Without metrics that never had a value; a loss that is NaN throughout is a finding and stays."""
    kept, silent = [], []
    for each in series:
        if np.isnan(each.value).all() and not is_loss(split_and_metric(each.metric)[1]):
            silent.append(each.metric)
        else:
            kept.append(each)
    return kept, silent
