"""Tables whose rows say what they are of: a column of runs, of splits, or of the names of metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from traindiag.model.names import split_and_metric
from traindiag.readers.base import LogFile
from traindiag.readers.parsing.cells import number_of, split_cells
from traindiag.readers.parsing.histories import looks_like_metric
from traindiag.readers.parsing.layouts import Layout, filled_lines, layout_of
from traindiag.readers.parsing.record_runs import RecordRuns
from traindiag.readers.parsing.splits import SPLIT_NAMES, split_of_word
from traindiag.readers.parsing.text import decode_head

_AXES = {
    **dict.fromkeys(("epoch", "epochs", "ep", "epoch_num"), "epoch"),
    **dict.fromkeys(("step", "_step", "global_step", "iteration", "iter", "steps"), "step"),
    **dict.fromkeys(("timestamp", "_timestamp", "wall_time", "time_stamp"), "timestamp"),
}
"""What the axes of records are called, by lower-case names of columns."""
_RUN_NAMES = (
    "run",
    "run_name",
    "run name",
    "run_id",
    "run id",
    "experiment",
    "trial",
    "fold",
    "seed",
    "model",
)
_METRIC_NAMES = (
    "metric",
    "metric_name",
    "metricname",
    "metric name",
    "name",
    "key",
    "tag",
    "variable",
    "scalar",
)
_VALUE_NAMES = ("value", "metric_value", "metricvalue", "metric value")
_SAMPLED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Indices of the columns that say what a row is of; None where there is no such column.

    Attributes:
        run: names of runs, numbers of folds or seeds.
        split: words such as ``train`` and ``val``.
        metric, value: names of metrics, and the number each row holds of the one it names.
    """

    run: int | None = None
    split: int | None = None
    metric: int | None = None
    value: int | None = None


def keys_of(file: LogFile) -> Keys | None:
    """The columns that say what the rows of a file are of; None where it is no such table."""
    if "keys" not in file.memo:
        layout = layout_of(file)
        file.memo["keys"] = None if layout is None else _keys(file.head, layout)
    found: Keys | None = file.memo["keys"]
    return found


def _keys(head: bytes, layout: Layout) -> Keys | None:
    names = [name.lower() for name in layout.names]
    if not any(_AXES.get(name) in ("epoch", "step") for name in names):
        return None
    words = [index for index, kind in enumerate(layout.kinds) if kind == "word"]
    run = next((names.index(name) for name in _RUN_NAMES if name in names), None)
    if run is None and not words:
        return None
    lines = [line for _, line in filled_lines(decode_head(head) or "", layout)][:_SAMPLED]
    rows = [row for line in lines if len(row := split_cells(line, layout.separator)) == len(names)]

    def cells(index: int) -> set[str]:
        return {row[index].strip() for row in rows}

    split = next((i for i in words if names[i] in SPLIT_NAMES and all(map(split_of_word, cells(i)))), None)
    named = [i for i in words if names[i] in _METRIC_NAMES and any(map(_is_metric, cells(i)))]
    values = [i for i, name in enumerate(names) if name in _VALUE_NAMES and layout.kinds[i] == "number"]
    metric, value = (named[0], values[0]) if named and values else (None, None)
    if not rows or (run is None and split is None and metric is None):
        return None
    if metric is None and not any(map(_is_metric, layout.names)):
        return None
    return Keys(run=run, split=split, metric=metric, value=value)


def _is_metric(name: str) -> bool:
    return looks_like_metric(split_and_metric(name)[1])


@dataclass(slots=True)
class Told:
    """What the rows of a long table tell.

    Attributes:
        runs: by what the column of runs says, empty where there is none.
        lost: numbers of lines with another number of cells.
    """

    runs: dict[str, RecordRuns] = field(default_factory=lambda: defaultdict(RecordRuns))
    lost: list[int] = field(default_factory=list)


def told_by_rows(text: str, layout: Layout, keys: Keys) -> Told:
    """The rows of a table, taken as records by the run each is of."""
    told = Told()
    names = [_AXES.get(name.lower(), name) for name in layout.names]
    columns = [
        (index, name)
        for index, (name, kind) in enumerate(zip(names, layout.kinds, strict=True))
        if kind != "word" and index not in (keys.run, keys.metric, keys.value)
    ]
    for number, line in filled_lines(text, layout):
        row = split_cells(line, layout.separator)
        if len(row) != len(names):
            told.lost.append(number)
            continue
        record = _numbers(row, columns, layout)
        if keys.metric is not None and keys.value is not None:
            axes = {name: value for name, value in record.items() if name in _AXES.values()}
            record = {**axes, **_numbers(row, [(keys.value, row[keys.metric].strip())], layout)}
        if keys.split is not None:
            record["split"] = row[keys.split].strip()
        told.runs["" if keys.run is None else row[keys.run].strip()].add(record)
    return told


def _numbers(row: Sequence[str], columns: Sequence[tuple[int, str]], layout: Layout) -> dict[str, Any]:
    found: Mapping[str, float | None] = {
        name: number_of(row[index], layout.decimal) for index, name in columns
    }
    return {name: number for name, number in found.items() if number is not None}
