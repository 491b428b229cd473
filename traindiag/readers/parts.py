"""Logs that hold only some epochs of another one and count them anew: what each of several fits leaves.

A training of several fits may have one CSV, which was appended to, but a History and event files for each fit, and
all of them begin at epoch zero unless `initial_epoch` is given. Which epochs of the whole they are, their values tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.frame import MISSING, Series
from traindiag.model.names import LEARNING_RATE, is_loss
from traindiag.readers.merge import Candidate, Key, Merged, Points, agreement

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROOF_DIGITS = 12.0
"""Decimal digits of losses that must agree in all: two values of a History, or four as Keras prints them."""
_COMMON = 4096
"""A value that stands in so many places, in a folder of thousands of runs, tells none of them from the others."""


def with_parts(groups: Sequence[Merged]) -> list[Merged]:
    """The groups without those that are a part of another one; these are joined to it."""
    if len(groups) < 2:
        return list(groups)
    longest = [_longest(group) for group in groups]
    losses = _losses_of(longest)
    absorbed: set[int] = set()
    for place in sorted(range(len(groups)), key=lambda each: _epochs(longest[each])):
        for home, shift in _possible(place, longest, losses):
            if _may_join(groups[home], groups[place]) and _is_part(longest[place], longest[home], shift):
                _join(groups[home], groups[place], shift)
                absorbed.add(place)
                break
    return [group for place, group in enumerate(groups) if place not in absorbed]


def _longest(group: Merged) -> Candidate:
    return max((group.main, *group.others), key=_epochs)


def _epochs(candidate: Candidate) -> int:
    return max((len(points.at) for points in candidate.by_epoch().values()), default=0)


class _Loss:
    """One loss of all logs, end to end, and in the order of its values."""

    def __init__(self, logs: dict[int, Points]) -> None:
        lengths = [len(points.at) for points in logs.values()]
        self.value = np.concatenate([points.value for points in logs.values()])
        self.epoch = np.concatenate([points.at for points in logs.values()])
        self.owner = np.repeat(np.fromiter(logs, np.int64), lengths)
        self.tolerance = max(map(_coarsest, logs.values()))
        self._order = np.argsort(self.value)
        self._sorted = self.value[self._order]

    def rows_with(self, value: float) -> NDArray[np.int64]:
        """Where a value stands, as near as the logs can tell."""
        room = 2 * self.tolerance + 1e-6 * abs(value)
        begin, end = np.searchsorted(self._sorted, (value - room, value + room))
        return self._order[begin:end] if end - begin < _COMMON else self._order[:0]


def _coarsest(points: Points) -> float:
    """How far the largest value may be off by the digits it was printed with."""
    finite = np.abs(points.value[np.isfinite(points.value)])
    return float(points.tolerance(finite.max(keepdims=True))[0]) if len(finite) else 0.0


def _losses_of(logs: Sequence[Candidate]) -> dict[Key, _Loss]:
    found: dict[Key, dict[int, Points]] = defaultdict(dict)
    for place, log in enumerate(logs):
        for key, points in log.by_epoch().items():
            if is_loss(key[1]):
                found[key][place] = points
    return {key: _Loss(points) for key, points in found.items()}


def _possible(place: int, logs: Sequence[Candidate], losses: dict[Key, _Loss]) -> Iterator[tuple[int, int]]:
    """Longer logs that have a log's first and last loss as far apart as it has, and by how much its epochs differ."""
    for key, points in logs[place].by_epoch().items():
        finite = np.flatnonzero(np.isfinite(points.value))
        if key not in losses or len(finite) == 0:
            continue
        loss, first, last = losses[key], finite[0], finite[-1]
        ends = loss.rows_with(points.value[last])
        begins = ends - (last - first)
        ends, begins = ends[begins >= 0], begins[begins >= 0]
        fits = loss.owner[ends] == loss.owner[begins]
        fits &= np.isin(begins, loss.rows_with(points.value[first]))
        shifts = loss.epoch[begins] - points.at[first]
        for home, shift in zip(loss.owner[begins[fits]].tolist(), shifts[fits].tolist(), strict=True):
            if shift > 0 and _epochs(logs[home]) > _epochs(logs[place]):
                yield home, shift


def _may_join(home: Merged, part: Merged) -> bool:
    """Two runs in one file are two runs whatever their values."""
    return not (home.paths() & part.paths())


def _is_part(part: Candidate, whole: Candidate, shift: int) -> bool:
    """Whether all that both have agrees when the part's epochs are shifted, and there is enough of it."""
    digits = 0.0
    known = whole.by_epoch()
    for key, points in part.by_epoch().items():
        if key[1] == LEARNING_RATE or key not in known:
            continue
        moved = Points(points.at + shift, points.value)
        if agreement(moved, known[key]) is None:
            return False
        if is_loss(key[1]):
            digits += _digits(moved, known[key])
    return digits >= _PROOF_DIGITS


def _digits(part: Points, whole: Points) -> float:
    """How many decimal digits agree, within the range of the values; a value that comes again proves no more."""
    value = np.unique(part.value[np.isfinite(part.value) & np.isin(part.at, whole.at)])
    finite = whole.value[np.isfinite(whole.value)]
    if len(value) == 0 or len(finite) == 0:
        return 0.0
    width = 2 * (part.tolerance(value) + whole.tolerance(value)) + 1e-6 * np.abs(value)
    span = max(float(np.ptp(finite)), 1e-300)
    return float(np.sum(np.maximum(np.log10(span / np.maximum(width, 1e-300)), 0.0)))


def _join(home: Merged, part: Merged, shift: int) -> None:
    """Adds the logs of a part to the whole, at the epochs that they have there."""
    moved = [_moved(each, shift) for each in (part.main, *part.others)]
    epochs = np.concatenate([points.at for points in moved[0].by_epoch().values()])
    names = dict.fromkeys(file.name for each in moved for file in each.run.files)
    note = f"{', '.join(names)}: epochs {epochs.min()} to {epochs.max()} of the whole, told by their values"
    notes = [home.details[name] for name in ("files",) if name in home.details]
    home.details["files"] = "; ".join([*notes, note])
    said = (each.run.details.get("restarts") for each in (home.main, *home.others))
    home.details["restarts"] = next(filter(None, said), home.details["files"])
    home.others = sorted([*home.others, *moved], key=lambda each: each.precedence)


def _moved(candidate: Candidate, shift: int) -> Candidate:
    series = tuple(_shifted(each, shift) for each in candidate.run.series)
    return replace(candidate, run=replace(candidate.run, series=series))


def _shifted(series: Series, shift: int) -> Series:
    if series.epoch is None:
        return series
    epoch = np.where(series.epoch == MISSING, MISSING, series.epoch + shift)
    return Series(
        series.split, series.metric, series.value, epoch=epoch, step=series.step, wall_time=series.wall_time
    )
