"""Keras' `History.history`: a dict of lists, wherever it was kept."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from traindiag.model.frame import Series
from traindiag.model.names import learning_rate_name, metric_words, mode_of
from traindiag.readers.parsing.epochs import FRACTIONAL, fractional, reached, unique_name
from traindiag.readers.parsing.splits import column_names, split_of_record, splits_of_sets, within
from traindiag.readers.parsing.tables import Column

_DEEPEST = 6
_MOST_NODES = 100_000
_EPOCH_NAMES = ("epoch", "epochs")
_EPOCH_KEY = re.compile(r"epoch[_ ]?(\d{1,9})", re.I)
"""Of numbers alone nobody knows whether they count epochs or folds."""
_ATTRIBUTES = {"loss_curve_": "loss", "validation_scores_": "val_score"}
"""What scikit-learn's networks call the losses and the validation scores of their epochs."""


class History(NamedTuple):
    """A dict of lists found somewhere.

    Attributes:
        path: the keys that lead to it (``cv/fold1``); empty where it is the whole.
        columns: lists of numbers, None or words for NaN by name, one at least that of a metric.
        splits: which keys were taken for which split, in words; empty where none was.
    """

    path: str
    columns: Mapping[str, Sequence[Any]]
    splits: str = ""


def find_histories(value: Any) -> list[History]:
    """Every history inside nested dicts and lists.

    A history is a dict of lists of numbers of which one at least has the name of a metric, a list of such
    dicts of single numbers (one an epoch), or pandas' dict of dicts keyed by row. Dicts keyed by split are one
    history, whichever key is the outer one: ``{"train": {"loss": [...]}}`` and ``{"loss": {"train": [...]}}``.
    """
    found: list[History] = []
    budget = [_MOST_NODES]
    _search(value, "", 0, budget, found)
    return found


def _search(value: Any, path: str, depth: int, budget: list[int], found: list[History]) -> None:
    budget[0] -= 1
    if depth > _DEEPEST or budget[0] < 0:
        return
    history = _history(value, path)
    if history is not None:
        found.append(history)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, (Mapping, list, tuple)):
                _search(item, f"{path}/{key}" if path else str(key), depth + 1, budget, found)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            if isinstance(item, (Mapping, list, tuple)):
                _search(item, f"{path}/{number}" if path else str(number), depth + 1, budget, found)


def _history(value: Any, path: str) -> History | None:
    """The value as one history with at least one metric, else None."""
    columns, said = dict(_lists_of(value)), []
    if isinstance(value, Mapping):
        by_split = {str(key): lists for key, item in value.items() if (lists := _metrics_of(item))}
        sets = splits_of_sets(by_split)
        if sets:
            prefixes = column_names(sets)
            said = [f"{name} is {split}" for name, split in sets.items() if name != split]
            for key, lists in by_split.items():
                columns.update({within(prefixes[key], name): column for name, column in lists.items()})
        for metric, item in value.items():
            if isinstance(item, Mapping) and looks_like_metric(str(metric)):
                lists = _lists_of(item)
                inner = splits_of_sets(lists)
                prefixes = column_names(inner or {})
                columns.update({f"{prefixes[key]}/{metric}": lists[key] for key in prefixes})
    return History(path, columns, ", ".join(said)) if _with_metric(columns) else None


def _metrics_of(value: Any) -> Mapping[str, Sequence[Any]] | None:
    lists = _lists_of(value)
    return lists if _with_metric(lists) else None


def _with_metric(lists: Mapping[str, Sequence[Any]]) -> bool:
    return any((mode_of(name) is not None or learning_rate_name(name)) and lists[name] for name in lists)


def _lists_of(value: Any) -> Mapping[str, Sequence[Any]]:
    """The lists of numbers in a dict of lists, a list of dicts, or a dict of dicts keyed by epoch, by name."""
    if isinstance(value, Mapping) and value and all(map(_EPOCH_KEY.fullmatch, map(str, value))):
        epochs = [int(_EPOCH_KEY.sub(r"\1", str(key))) for key in value]
        rows = [
            {"epoch": epoch, **row}
            for epoch, row in zip(epochs, value.values(), strict=True)
            if isinstance(row, Mapping)
        ]
        return _columns_of_rows(rows) if len(rows) == len(value) else {}
    if isinstance(value, Mapping):
        columns = {key: _as_list(item) for key, item in value.items() if isinstance(key, str)}
        return {key: item for key, item in columns.items() if item is not None and _are_numbers(item)}
    if isinstance(value, (list, tuple)) and value and all(isinstance(row, Mapping) for row in value):
        return _columns_of_rows(value)
    return {}


def _as_list(item: Any) -> Sequence[Any] | None:
    if isinstance(item, (list, tuple)):
        return item
    if isinstance(item, Mapping) and item and all(str(key).isdigit() for key in item):
        return list(item.values())
    return None


def _columns_of_rows(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Sequence[Any]]:
    """The numbers of rows by name, None where a row has none; a word in a row, or a dict inside it, tells its split."""
    flat = [_flat(row) for row in rows]
    names = dict.fromkeys(key for row in flat for key in row)
    columns = {name: [row.get(name) for row in flat] for name in names}
    return {name: column for name, column in columns.items() if _are_numbers(column)}


def _flat(row: Mapping[Any, Any]) -> dict[str, Any]:
    split = split_of_record(row)
    flat: dict[str, Any] = {}
    for key, item in row.items():
        if isinstance(item, Mapping):
            flat.update({f"{key}/{name}": number for name, number in item.items() if is_number(number)})
        elif isinstance(key, str):
            flat[key if split == "train" or key.lower() in _EPOCH_NAMES else within(split, key)] = item
    return flat


def _are_numbers(items: Sequence[Any]) -> bool:
    return all(item is None or is_number(item) for item in items) and any(item is not None for item in items)


def is_number(item: Any) -> bool:
    """Whether an item is a real number, or the word JSON writers use for one that is not finite."""
    if isinstance(item, str):
        return item.lower().lstrip("+-") in ("nan", "inf", "infinity")
    return isinstance(item, (int, float)) and not isinstance(item, bool)


def series_of_history(found: History) -> tuple[list[Series], dict[str, str]]:
    """The series of a history and what was inferred about it.

    Lists shorter than the longest belong to a validation every n-th epoch (``validation_freq=n``).
    """
    history = found.columns
    details = {"epochs": "counted from 0"}
    if found.path:
        details["found under"] = found.path
    if found.splits:
        details["splits"] = f"by key: {found.splits}"
    axis = next((name for name in history if name.lower() in _EPOCH_NAMES), None)
    length = max(len(column) for column in history.values())
    epoch_axis = np.arange(length, dtype=np.int64)
    step = None
    if axis is not None and len(history[axis]) == length and all(map(_is_finite, history[axis])):
        done = Column(value=np.array(history[axis], dtype=np.float64))
        if fractional(done):
            epoch_axis, step = reached(done), epoch_axis
            details["epochs"] = FRACTIONAL
    if step is None and axis is not None and _is_axis(history[axis], length):
        epoch_axis = np.array(history[axis], dtype=np.int64)
        first = int(epoch_axis.min())
        details["epochs"] = "zero-based" if first == 0 else f"as in the file, from {first}"
    taken: set[tuple[str, str]] = set()
    series = []
    for name, column in history.items():
        if name == axis:
            continue
        kept = [(row, _value(item)) for row, item in enumerate(column) if item is not None]
        if not kept:
            continue
        rows = _rows_of(name, [row for row, _ in kept], len(column), length, details)
        values = np.array([value for _, value in kept], dtype=np.float64)
        series.append(
            Series(
                *unique_name(_ATTRIBUTES.get(name, name), taken),
                values,
                epoch=epoch_axis[rows],
                step=None if step is None else step[rows],
            )
        )
    return series, details


def _is_axis(column: Sequence[Any], length: int) -> bool:
    return len(column) == length and all(_is_finite(item) and float(item).is_integer() for item in column)


def _is_finite(item: Any) -> bool:
    return is_number(item) and not isinstance(item, str) and abs(item) < 2**62


def _value(item: Any) -> float:
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf


def _rows_of(name: str, rows: list[int], count: int, length: int, details: dict[str, str]) -> Any:
    at = np.array(rows, dtype=np.int64)
    if count == length:
        return at
    every = length // count
    if every > 1 and length // every == count:
        details[f"epochs of {name}"] = f"{count} values for {length} epochs: taken as every {every}th epoch"
        return at * every + every - 1
    details[f"epochs of {name}"] = f"{count} values for {length} epochs: taken as the first ones"
    return at


def looks_like_metric(name: str) -> bool:
    """Whether a key is likely that of a metric or learning rate."""
    return mode_of(name) is not None or learning_rate_name(name) or "loss" in metric_words(name)
