"""JSON lines: one record of metrics a line (mmdetection, detectron2, plain loggers, old W&B histories)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from traindiag.model.frame import Series
from traindiag.model.names import is_loss, split_and_metric
from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.histories import is_number, looks_like_metric
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
from traindiag.readers.parsing.text import decode, decode_head, split_lines

_SNIFFED_LINES = 40
_NO_METRICS = ("mode", "memory", "eta_seconds", "rank_data_time", "n_parameters", "seed")
_MOST_LISTED = 5


class JsonLines(Reader):
    """JSON lines with names of metrics: mmdetection's ``*.log.json``, detectron2's ``metrics.json``, others.

    Recognised by lines that are JSON objects with a number for a metric. ``"mode": "val"``, ``"phase"``,
    ``"split"`` and the like tell the split of a line; mmengine's lines of a validation tell it by what they
    lack. Steps that begin anew in each epoch are put one after the other. Lines that are no JSON are counted as
    damage. A header record (``env_info``) or epochs that start again begin another run. Metrics that are NaN
    throughout (absent classes) are left out.
    """

    name = "jsonl"
    precedence = 30

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        if text is None or not text.lstrip().startswith("{"):
            return Fit.NO
        lines = [line for line in split_lines(text)[:_SNIFFED_LINES] if line.strip()]
        records = [record for record in map(_record, lines) if record is not None]
        if not any(_has_metric(record, file.names) for record in records):
            return Fit.NO
        axes = any(axis_value(record, (*EPOCH_KEYS, *STEP_KEYS)) is not None for record in records)
        # One object alone is a summary of last values, unless its line was ended to make room for the next.
        return Fit.CONTENT if len(records) > 1 or (axes and text.endswith("\n")) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        lost: list[int] = []
        records = list(_records(split_lines(decode(data)[0]), file.names, lost))
        parts = list(_runs(records))
        runs = []
        for part in parts:
            series, details = _gather(part)
            if series:
                runs.append((series, details))
        if not runs:
            raise file.unreadable("no line holds a value of a metric", "check what the training logged")
        return [
            LoggedRun(
                files=(file,),
                series=series,
                label=f"run {number}" if len(runs) > 1 else "",
                digest=digest_of(data),
                damage=_damage(file, lost),
                details=details,
            )
            for number, (series, details) in enumerate(runs, start=1)
        ]


def _record(line: str) -> dict[str, Any] | None:
    line = line.strip()
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _has_metric(record: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    return any(
        looks_like_metric(names.get(key, key)) and is_number(value) for key, value in _flat(record).items()
    )


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Nested groups by path: ``{"train": {"loss": 1}}`` is ``{"train/loss": 1}``; two levels are enough."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat.update({f"{key}/{inner}": number for inner, number in value.items() if is_number(number)})
        else:
            flat[key] = value
    return flat


def _records(lines: Sequence[str], names: Mapping[str, str], lost: list[int]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            lost.append(number)
        else:
            flat = _flat(record)
            yield {names.get(key, key): value for key, value in flat.items()} if names else flat


def _runs(records: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Cut where a header record follows metrics, or where epoch or step falls back to the very first."""
    start = 0
    first: float | None = None
    last: float | None = None
    for at, record in enumerate(records):
        header = "env_info" in record or "exp_name" in record
        position = axis_value(record, EPOCH_KEYS)
        if position is None and not any(axis_value(r, EPOCH_KEYS) is not None for r in records[start:at][:1]):
            position = axis_value(record, STEP_KEYS)
        again = position is not None and first is not None and last is not None and position <= first < last
        if at > start and last is not None and (header or again):
            yield records[start:at]
            start, first, last = at, None, None
        if position is not None:
            first = position if first is None else first
            last = position
    yield records[start:]


def _gather(records: Sequence[dict[str, Any]]) -> tuple[list[Series], dict[str, str]]:
    records = _with_validations_told(records)
    per_epoch = _steps_of_an_epoch(records)
    gathered = Gathered(ignored=_NO_METRICS)
    positions: list[float] = []
    training = 0
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
        taken = gathered.add(
            record,
            epoch=None if epoch is None else int(epoch) - one_based,
            step=None if step is None else int(step),
            wall_time=seconds(axis_value(record, TIME_KEYS)),
            split=split,
        )
        training += bool(taken) and split != "val"
    by_step = bool(positions) and better_by_step(positions, training) and _has_steps(records)
    series, silent = _without_silent(gathered.series(by_step=by_step))
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


def _damage(file: LogFile, lost: Sequence[int]) -> tuple[Damage, ...]:
    if not lost:
        return ()
    place = f"line {lost[0]}" + (" and later" if len(lost) > 1 else "")
    return (Damage(path=file.shown, place=place, what="no JSON object", records=len(lost), size=0),)
