"""JSON lines: one record of metrics a line (mmdetection, detectron2, plain loggers, old W&B histories)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.histories import is_number, looks_like_metric
from traindiag.readers.parsing.record_runs import runs_of_records
from traindiag.readers.parsing.records import EPOCH_KEYS, STEP_KEYS, axis_value
from traindiag.readers.parsing.text import decode, decode_head, split_lines

_SNIFFED_LINES = 40


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
        runs = runs_of_records(_records(split_lines(decode(data)[0]), file.names, lost))
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


def _damage(file: LogFile, lost: Sequence[int]) -> tuple[Damage, ...]:
    if not lost:
        return ()
    place = f"line {lost[0]}" + (" and later" if len(lost) > 1 else "")
    return (Damage(path=file.shown, place=place, what="no JSON object", records=len(lost), size=0),)
