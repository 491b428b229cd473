"""Records (dicts of values) in logged order to series, with the epoch and step that each one names."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from traindiag.analysis.epochs import better_by_step
from traindiag.model.frame import MISSING, Series
from traindiag.readers.parsing.epochs import FRACTIONAL, unique_name
from traindiag.readers.parsing.histories import is_number
from traindiag.readers.parsing.splits import within

EPOCH_KEYS = ("epoch", "epochs", "trainer/epoch", "current_epoch")
STEP_KEYS = ("step", "global_step", "iteration", "iter", "_step", "trainer/global_step", "num_updates")
TIME_KEYS = ("_timestamp", "timestamp", "wall_time")
_PLAUSIBLE_SECONDS = (3e8, 4e9)


@dataclass(slots=True)
class _Rows:
    value: array[float] = field(default_factory=lambda: array("d"))
    epoch: array[int] = field(default_factory=lambda: array("q"))
    step: array[int] = field(default_factory=lambda: array("q"))
    wall_time: array[float] = field(default_factory=lambda: array("d"))


def axis_value(record: Mapping[str, Any], keys: Iterable[str]) -> float | None:
    """The first of some keys that holds a finite number."""
    for key in keys:
        value = record.get(key)
        if value is not None and is_number(value) and not isinstance(value, str) and abs(value) < 2**62:
            return float(value)
    return None


class Gathered:
    """Series in the making, one per name, in order of first appearance.

    Args:
        ignored: keys that are no metrics.
    """

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        self._rows: dict[str, _Rows] = {}
        self._ignored = frozenset((*EPOCH_KEYS, *STEP_KEYS, *TIME_KEYS, *ignored))

    def add(
        self,
        values: Mapping[str, Any],
        *,
        epoch: int | None,
        step: int | None,
        wall_time: float | None = None,
        split: str = "train",
    ) -> None:
        """Takes the numbers of one record.

        Args:
            values: by name; what is no number is passed over.
            epoch, step: axes of this record, None where it has none.
            wall_time: seconds since the Unix epoch.
            split: of the names that do not tell theirs.
        """
        for name, value in values.items():
            if name in self._ignored or not is_number(value):
                continue
            rows = self._rows.setdefault(name if split == "train" else within(split, name), _Rows())
            rows.value.append(_as_float(value))
            rows.epoch.append(MISSING if epoch is None else epoch)
            rows.step.append(MISSING if step is None else step)
            rows.wall_time.append(float("nan") if wall_time is None else wall_time)

    def series(self, *, by_step: bool = False) -> list[Series]:
        """The series gathered; without epochs when they are to be judged by step."""
        taken: set[tuple[str, str]] = set()
        return [_series(name, rows, taken, by_step=by_step) for name, rows in self._rows.items()]


def _series(name: str, rows: _Rows, taken: set[tuple[str, str]], *, by_step: bool) -> Series:
    epoch, step, wall_time = np.array(rows.epoch), np.array(rows.step), np.array(rows.wall_time)
    return Series(
        *unique_name(name, taken),
        np.array(rows.value),
        epoch=None if by_step or bool((epoch == MISSING).all()) else epoch,
        step=None if bool((step == MISSING).all()) else step,
        wall_time=None if bool(np.isnan(wall_time).all()) else wall_time,
    )


def seconds(value: float | None) -> float | None:
    """A time stamp in seconds, whether it was in seconds or milliseconds; None where it is neither."""
    low, high = _PLAUSIBLE_SECONDS
    for candidate in () if value is None else (value, value / 1000):
        if low < candidate < high:
            return candidate
    return None


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def is_trainer_summary(record: Mapping[str, Any]) -> bool:
    """Whether a record of Hugging Face's Trainer sums up the training instead of logging a step of it."""
    return "train_runtime" in record or "total_flos" in record


def trainer_series(records: Sequence[Mapping[str, Any]]) -> tuple[list[Series], dict[str, str]]:
    """The series in the log of Hugging Face's Trainer, and what was inferred about its epochs.

    Args:
        records: each with a fractional ``epoch``, maybe a ``step``, and values by name.
    """
    gathered = Gathered()
    epochs: list[float] = []
    training = 0
    for record in records:
        reached = axis_value(record, ("epoch",))
        step = axis_value(record, ("step",))
        training += "loss" in record
        if reached is not None:
            epochs.append(reached)
        gathered.add(
            record,
            epoch=None if reached is None else max(0, math.ceil(reached - 1e-9) - 1),
            step=training if step is None else int(step),
        )
    by_step = better_by_step(epochs, training)
    said = f"{max(epochs):.3g} epochs in all: judged by step" if by_step else FRACTIONAL
    return gathered.series(by_step=by_step), {"epochs": said}
