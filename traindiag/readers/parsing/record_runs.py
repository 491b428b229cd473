"""Records in logged order to runs: which split each is of, where epochs and steps stand, where a run starts again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from traindiag.model.frame import Series
from traindiag.model.names import is_loss, split_and_metric
from traindiag.readers.parsing.records import (
    EPOCH_KEYS,
    STEP_KEYS,
    TIME_KEYS,
    Gathered,
    axis_value,
    better_by_step,
    seconds,
)
from traindiag.readers.parsing.splits import SPLIT_NAMES, split_of_word

_NO_METRICS = ("mode", "memory", "eta_seconds", "rank_data_time", "n_parameters", "seed")
_MOST_LISTED = 5
_AXES = frozenset((*EPOCH_KEYS, *STEP_KEYS, *TIME_KEYS))


class _Placed(NamedTuple):
    """A record, its split, and where it stands: None where it does not say."""

    values: dict[str, Any]
    split: str
    epoch: float | None
    step: float | None


def runs_of_records(records: Sequence[dict[str, Any]]) -> list[tuple[list[Series], dict[str, str]]]:
    """The runs in a log of records: of each its series and what was inferred. Those without a value are left out."""
    runs = [_gather(part) for part in _runs(list(map(_placed, _with_validations_told(records))))]
    return [(series, details) for series, details in runs if series]


def _placed(record: dict[str, Any]) -> _Placed:
    return _Placed(record, _split(record), axis_value(record, EPOCH_KEYS), axis_value(record, STEP_KEYS))


def _split(record: Mapping[str, Any]) -> str:
    for key, word in record.items():
        if isinstance(word, str) and key in SPLIT_NAMES and (split := split_of_word(word)):
            return split
    return "train"


def _with_validations_told(records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """mmengine's records of a validation have no ``iter``, and their ``step`` counts epochs where there are any."""
    training = next((record for record in records if "iter" in record and "step" in record), None)
    if training is None or _split(training) != "train":
        return records
    axis = "epoch" if "epoch" in training else "iter"
    return [
        record
        if "iter" in record or "step" not in record
        else {"mode": "val", axis: record["step"], **{key: record[key] for key in record if key != "step"}}
        for record in records
    ]


def _runs(records: Sequence[_Placed]) -> Iterator[Sequence[_Placed]]:
    """Cut where a header record follows metrics, or where epoch or step falls back to the very first.

    Records of a split, and those of nothing but one metric, are held against their like: a log may hold all epochs
    of one before those of the next.
    """
    start = 0
    seen: dict[Any, tuple[float, float]] = {}
    by_epoch = False
    for at, record in enumerate(records):
        if at == start:
            by_epoch = record.epoch is not None
        position = record.epoch if record.epoch is not None or by_epoch else record.step
        if at > start and seen and ("env_info" in record.values or "exp_name" in record.values):
            yield records[start:at]
            start, seen = at, {}
        if position is None:
            continue
        kind = _kind(record)
        first, last = seen.get(kind, (position, position))
        if position <= first < last:
            yield records[start:at]
            start, seen, first = at, {}, position
        seen[kind] = first, position
    yield records[start:]


def _kind(record: _Placed) -> tuple[str, str]:
    values = [key for key in record.values if key not in _AXES]
    return record.split, values[0] if len(values) == 1 else ""


def _gather(records: Sequence[_Placed]) -> tuple[list[Series], dict[str, str]]:
    epochs = [record.epoch for record in records if record.epoch is not None]
    one_based = min(epochs, default=0) == 1
    per_epoch = _steps_of_an_epoch(records)
    gathered = Gathered(ignored=_NO_METRICS)
    for values, split, epoch, step in records:
        if per_epoch and epoch is not None and step is not None:
            done = int(epoch) - one_based
            step = done * per_epoch + step if split == "train" else (done + 1) * per_epoch
        gathered.add(
            values,
            epoch=None if epoch is None else int(epoch) - one_based,
            step=None if step is None else int(step),
            wall_time=seconds(axis_value(values, TIME_KEYS)),
            split=split,
        )
    series = gathered.series()
    training = max((len(each) for each in series if each.split != "val"), default=0)
    steps = any(record.step is not None for record in records)
    by_step = bool(epochs) and steps and better_by_step(epochs, training)
    series, silent = _without_silent(gathered.series(by_step=True) if by_step else series)
    details = {"epochs": "one-based in the file, shifted to 0" if one_based else "as in the file"}
    if not epochs:
        details = {"epochs": "none in the file: judged by step"}
    elif by_step:
        details = {"epochs": f"{len(set(epochs))} epochs in all: judged by step"}
    if per_epoch:
        details["steps"] = f"begin anew in each epoch of {per_epoch}: put one after the other"
    if silent:
        details["left out"] = f"NaN throughout: {', '.join(silent[:_MOST_LISTED])}" + (
            f" and {len(silent) - _MOST_LISTED} more" if len(silent) > _MOST_LISTED else ""
        )
    return series, details


def _steps_of_an_epoch(records: Sequence[_Placed]) -> int:
    """How many steps an epoch has where they are counted within each; 0 where they go on."""
    last: dict[float, float] = {}
    for record in records:
        if record.epoch is not None and record.step is not None and record.split == "train":
            last[record.epoch] = max(record.step, last.get(record.epoch, 0))
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
