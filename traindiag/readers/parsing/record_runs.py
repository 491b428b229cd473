"""Records in logged order to runs: which split each is of, where epochs and steps stand, where a run starts again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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


def runs_of_records(records: Sequence[dict[str, Any]]) -> list[tuple[list[Series], dict[str, str]]]:
    """The runs in a log of records: of each its series and what was inferred. Those without a value are left out."""
    runs = [_gather(part) for part in _runs(records)]
    return [(series, details) for series, details in runs if series]


def _runs(records: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Cut where a header record follows metrics, or where epoch or step falls back to the very first.

    Records of a split, and those of nothing but one metric, are held against their like: a log may hold all epochs
    of one before those of the next.
    """
    start = 0
    seen: dict[Any, tuple[float, float]] = {}
    by_epoch = False
    for at, record in enumerate(records):
        kind = _kind(record)
        position = axis_value(record, EPOCH_KEYS)
        if at == start:
            by_epoch = position is not None
        if position is None and not by_epoch:
            position = axis_value(record, STEP_KEYS)
        header = "env_info" in record or "exp_name" in record
        first, last = seen.get(kind, (position, position))
        again = position is not None and first is not None and last is not None and position <= first < last
        if at > start and seen and (header or again):
            yield records[start:at]
            start, seen, first = at, {}, position
        if position is not None and first is not None:
            seen[kind] = first, position
    yield records[start:]


def _kind(record: Mapping[str, Any]) -> tuple[str, str]:
    values = [key for key in record if key not in _AXES]
    return _split(record), values[0] if len(values) == 1 else ""


def _gather(records: Sequence[dict[str, Any]]) -> tuple[list[Series], dict[str, str]]:
    records = _with_validations_told(records)
    per_epoch = _steps_of_an_epoch(records)
    gathered = Gathered(ignored=_NO_METRICS)
    positions: list[float] = []
    one_based = _first_epoch(records) == 1
    for record in records:
        epoch = axis_value(record, EPOCH_KEYS)
        step = axis_value(record, STEP_KEYS)
        split = _split(record)
        if epoch is not None:
            positions.append(epoch)
            if per_epoch and step is not None:
                done = int(epoch) - one_based
                step = done * per_epoch + step if split == "train" else (done + 1) * per_epoch
        gathered.add(
            record,
            epoch=None if epoch is None else int(epoch) - one_based,
            step=None if step is None else int(step),
            wall_time=seconds(axis_value(record, TIME_KEYS)),
            split=split,
        )
    series = gathered.series()
    training = max((len(each) for each in series if each.split != "val"), default=0)
    by_step = bool(positions) and better_by_step(positions, training) and _has_steps(records)
    series, silent = _without_silent(gathered.series(by_step=True) if by_step else series)
    details = {"epochs": "one-based in the file, shifted to 0" if one_based else "as in the file"}
    if not positions:
        details = {"epochs": "none in the file: judged by step"}
    elif by_step:
        details = {"epochs": f"{len(set(positions))} epochs in all: judged by step"}
    if per_epoch:
        details["steps"] = f"begin anew in each epoch of {per_epoch}: put one after the other"
    if silent:
        details["left out"] = f"NaN throughout: {', '.join(silent[:_MOST_LISTED])}" + (
            f" and {len(silent) - _MOST_LISTED} more" if len(silent) > _MOST_LISTED else ""
        )
    return series, details


def _split(record: Mapping[str, Any]) -> str:
    words = (record.get(key) for key in SPLIT_NAMES)
    return next(
        (split for word in words if isinstance(word, str) and (split := split_of_word(word))), "train"
    )


def _with_validations_told(records: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """mmengine's records of a validation have no ``iter``, and their ``step`` counts epochs where there are any."""
    training = [record for record in records if "iter" in record and "step" in record]
    if not training or _split(training[0]) != "train":
        return records
    axis = "epoch" if "epoch" in training[0] else "iter"
    return [
        record
        if "iter" in record or "step" not in record
        else {"mode": "val", axis: record["step"], **_bare(record)}
        for record in records
    ]


def _bare(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "step"}


def _steps_of_an_epoch(records: Sequence[Mapping[str, Any]]) -> int:
    """How many steps an epoch has where they are counted within each; 0 where they go on."""
    last: dict[float, float] = {}
    for record in records:
        epoch, step = axis_value(record, EPOCH_KEYS), axis_value(record, STEP_KEYS)
        if epoch is not None and step is not None and _split(record) == "train":
            last[epoch] = max(step, last.get(epoch, 0))
    lasts = [last[epoch] for epoch in sorted(last)]
    rising = all(later > earlier for earlier, later in itertools.pairwise(lasts))
    return 0 if rising else int(max(lasts, default=0))


def _first_epoch(records: Sequence[Mapping[str, Any]]) -> float | None:
    found = [epoch for record in records if (epoch := axis_value(record, EPOCH_KEYS)) is not None]
    return min(found, default=None)


def _has_steps(records: Sequence[Mapping[str, Any]]) -> bool:
    return any(axis_value(record, STEP_KEYS) is not None for record in records)


def _without_silent(series: Sequence[Series]) -> tuple[list[Series], list[str]]:
    """Without metrics that never had a value; a loss that is NaN throughout is a finding and stays."""
    kept, silent = [], []
    for each in series:
        if np.isnan(each.value).all() and not is_loss(split_and_metric(each.metric)[1]):
            silent.append(each.metric)
        else:
            kept.append(each)
    return kept, silent
