"""Which logs hold the same run, proved by their values, and one run made of them.

Two logs are one run when every series both have agrees at every epoch both have, within the precision each
was printed with, and a loss is among them. Different runs practically never agree in two epochs of a loss.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.curve import curve_of_series
from traindiag.model.frame import MISSING, Series
from traindiag.model.names import LEARNING_RATE, is_loss
from traindiag.readers.base import LoggedRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROOF_POINTS = 2
_FIRST_POINTS = 4
_FLOAT32_RELATIVE = 3e-7
"""Event files hold float32; averages of it are printed as float64: a few units in its last place differ."""
_SAMPLE = 80
_SMALL = 1e-3
"""Keras prints smaller values in scientific notation, with digits of their own."""


Key = tuple[str, str]
"""Split and metric."""


@dataclass(slots=True, eq=False)
class Points:
    """Values at ascending positions: epochs or steps."""

    at: NDArray[np.int64]
    value: NDArray[np.float64]
    _printed: tuple[int | None, int | None] | None = None

    def tolerance(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half a unit in the last printed place of each of some values, judged from the whole series."""
        if self._printed is None:
            self._printed = _printed_digits(self.value)
        decimals, digits = self._printed
        size = np.maximum(np.abs(values), 1e-300)
        scientific = np.zeros(len(values))
        if digits is not None:
            scientific = 0.51 * 10.0 ** (np.floor(np.log10(size)) - digits + 1)
        if decimals is None:
            return np.where(np.isfinite(scientific), scientific, 0.0)
        return np.where(size >= _SMALL, 0.51 * 10.0**-decimals, scientific)


@dataclass(kw_only=True, eq=False)
class Candidate:
    """A run as one reader gave it.

    Attributes:
        run: the run.
        reader: name of the reader.
        precedence: of the reader; less is kept.
    """

    run: LoggedRun
    reader: str
    precedence: int
    _by_epoch: dict[Key, Points] | None = field(default=None, init=False)
    _by_step: dict[Key, Points] | None = field(default=None, init=False)

    def by_epoch(self) -> dict[Key, Points]:
        """Per-epoch values of every series that has epochs."""
        if self._by_epoch is None:
            curves = [curve_of_series(series) for series in self.run.series if len(series)]
            self._by_epoch = {
                (curve.split, curve.metric): Points(curve.epoch, curve.value)
                for curve in curves
                if curve.axis == "epoch"
            }
        return self._by_epoch

    def by_step(self) -> dict[Key, Points]:
        """Values of every series whose rows have steps of their own; of a repeated step the last."""
        if self._by_step is None:
            self._by_step = {
                (series.split, series.metric): _points_by_step(series)
                for series in self.run.series
                if len(series) and series.step is not None
            }
        return self._by_step

    def rows(self) -> int:
        """How many values there are."""
        return sum(map(len, self.run.series))


def _points_by_step(series: Series) -> Points:
    assert series.step is not None
    step, last = np.unique(series.step[::-1], return_index=True)
    return Points(step, series.value[::-1][last])


@dataclass(kw_only=True, eq=False)
class Merged:
    """One run: what the best form holds, what only the others hold, and where they lie.

    Attributes:
        main: the form that is kept.
        others: the other ones, the best of them first.
        details: what was inferred from all forms together.
    """

    main: Candidate
    others: list[Candidate] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    def paths(self) -> set[Path]:
        """The files of all forms."""
        return {file.path for each in (self.main, *self.others) for file in each.run.files}

    def logged(self) -> LoggedRun:
        """The run with the series and epochs that only other forms have added to it."""
        if not self.others:
            return self.main.run
        run = self.main.run
        series = {(each.split, each.metric): each for each in run.series}
        details = {**run.details, **self.details}
        params = dict(run.params)
        for other in self.others:
            _add(series, other, details)
            params = {**other.run.params, **params}
        return LoggedRun(
            files=run.files,
            series=tuple(series.values()),
            label=run.label,
            digest=run.digest,
            damage=run.damage,
            details=details,
            params=params,
        )


def merge(candidates: Sequence[Candidate]) -> list[Merged]:
    """Groups candidates that hold the same run; the form that is kept comes first in each.

    The order of the groups is that of their first candidate.
    """
    if len(candidates) == 1:
        return [Merged(main=candidates[0])]
    order = {id(candidate): place for place, candidate in enumerate(candidates)}
    merged: list[Merged] = []
    index = _Index()
    for candidate in sorted(candidates, key=lambda each: (each.precedence, -each.rows(), order[id(each)])):
        near = (place for place in index.possible(candidate, len(merged)) if _fits(merged[place], candidate))
        home = next(near, None)
        if home is None:
            merged.append(Merged(main=candidate))
        else:
            merged[home].others.append(candidate)
        index.add(candidate, len(merged) - 1 if home is None else home)
    return sorted(merged, key=lambda group: min(order[id(each)] for each in (group.main, *group.others)))


class _Shelf:
    """Values that groups have at one position of one loss, in arrays that grow."""

    def __init__(self) -> None:
        self.count = 0
        self._value = np.empty((3, 8))

    def add(self, value: float, tolerance: float, group: int) -> None:
        if self.count == self._value.shape[1]:
            self._value = np.concatenate([self._value, np.empty_like(self._value)], axis=1)
        self._value[:, self.count] = value, tolerance, group
        self.count += 1

    def differing(self, value: float, tolerance: float) -> NDArray[np.int64]:
        """Groups whose value is beyond the tolerances; NaN and infinities tell nothing here."""
        values, tolerances, groups = self._value[:, : self.count]
        with np.errstate(invalid="ignore"):
            beyond = np.abs(values - value) > tolerances + tolerance + _FLOAT32_RELATIVE * abs(value)
        differing: NDArray[np.int64] = groups[beyond & np.isfinite(values)].astype(np.int64)
        return differing


class _Index:
    """Rules out groups by the first values of their losses: a folder may hold thousands of runs."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[str, Key, int], _Shelf] = defaultdict(_Shelf)

    def add(self, candidate: Candidate, group: int) -> None:
        """Notes the first values of a candidate that belongs to a group."""
        for axis, _, key, at, value, tolerance in _first_values(candidate):
            self._shelves[axis, key, at].add(value, tolerance, group)

    def possible(self, candidate: Candidate, groups: int) -> list[int]:
        """The groups, of so many, that no first value rules out."""
        open_ = np.ones(groups, dtype=bool)
        for _, compared, key, at, value, tolerance in _first_values(candidate):
            for axis in compared if math.isfinite(value) else ():
                shelf = self._shelves.get((axis, key, at))
                if shelf is not None:
                    open_[shelf.differing(value, tolerance)] = False
        return np.flatnonzero(open_).tolist()


def _first_values(candidate: Candidate) -> Iterator[tuple[str, tuple[str, ...], Key, int, float, float]]:
    """Of each loss: the axis, the axes it is compared on, the key, and position, value and tolerance.

    Series with steps are compared by step with others that have steps, else by epoch (see `_shared`).
    """
    steps = candidate.by_step()
    for axis, compared, points in (
        ("step", ("step",), steps),
        ("epoch", ("epoch", "epoch of steps"), candidate.by_epoch()),
    ):
        for key, each in points.items():
            if not is_loss(key[1]):
                continue
            stepped = axis == "epoch" and key in steps
            first = each.value[:_FIRST_POINTS]
            tolerances = each.tolerance(first)
            for at, value, tolerance in zip(
                each.at.tolist(), first.tolist(), tolerances.tolist(), strict=False
            ):
                yield (
                    "epoch of steps" if stepped else axis,
                    ("epoch",) if stepped else compared,
                    key,
                    at,
                    value,
                    tolerance,
                )


def _fits(group: Merged, candidate: Candidate) -> bool:
    # Two runs in one file are two runs whatever their values.
    if group.paths() & {file.path for file in candidate.run.files}:
        return False
    return any(same_run(member, candidate) for member in (group.main, *group.others))


def same_run(one: Candidate, other: Candidate) -> bool:
    """Whether the values prove that two logs hold the same run."""
    proof = 0
    for key, ours, theirs in _shared(one, other):
        overlap = agreement(ours, theirs)
        if overlap is None:
            return False
        if is_loss(key[1]):
            needed = min(_PROOF_POINTS, len(ours.at), len(theirs.at))
            proof += overlap >= max(1, needed)
    return proof > 0


def _shared(one: Candidate, other: Candidate) -> Iterator[tuple[Key, Points, Points]]:
    """Series both have, by step where both have steps: an epoch's mean differs while it is unfinished."""
    for key in sorted(one.by_step().keys() & other.by_step().keys()):
        yield key, one.by_step()[key], other.by_step()[key]
    compared = one.by_step().keys() & other.by_step().keys()
    for key in sorted((one.by_epoch().keys() & other.by_epoch().keys()) - compared):
        # The rate is logged before or after the schedule's change: it proves nothing.
        if key[1] != LEARNING_RATE:
            yield key, one.by_epoch()[key], other.by_epoch()[key]


def agreement(ours: Points, theirs: Points) -> int | None:
    """The number of shared positions; None when a value differs by more than both were printed with."""
    _, left, right = np.intersect1d(ours.at, theirs.at, assume_unique=True, return_indices=True)
    if len(left) == 0:
        return 0
    a, b = ours.value[left], theirs.value[right]
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore"):
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
        limit = ours.tolerance(a) + theirs.tolerance(b) + _FLOAT32_RELATIVE * np.abs(a)
        alike[finite] |= (np.abs(a - b) <= limit)[finite]
    return len(left) if bool(alike.all()) else None


def _printed_digits(series: NDArray[np.float64]) -> tuple[int | None, int | None]:
    """The most decimals among a series' values, and the most digits among its small ones; None without any."""
    finite = series[np.isfinite(series) & (series != 0)]
    if len(finite) > _SAMPLE:
        finite = finite[np.linspace(0, len(finite) - 1, _SAMPLE).astype(np.int64)]
    usual = finite[np.abs(finite) >= _SMALL]
    small = finite[np.abs(finite) < _SMALL]
    decimals = max((_decimals(value) for value in usual.tolist()), default=None)
    digits = max((_significant(value) for value in small.tolist()), default=None)
    return decimals, digits


def _decimals(value: float) -> int:
    """Digits printed after the point."""
    digits, exponent = _digits_and_exponent(value)
    return max(0, digits - 1 - exponent)


def _significant(value: float) -> int:
    return _digits_and_exponent(value)[0]


def _digits_and_exponent(value: float) -> tuple[int, int]:
    """How many digits the shortest text of a number has, and its power of ten."""
    mantissa, _, exponent = f"{Decimal(repr(abs(value))):e}".partition("e")
    return len(mantissa.replace(".", "").rstrip("0")) or 1, int(exponent or 0)


def _add(series: dict[tuple[str, str], Series], other: Candidate, details: dict[str, str]) -> None:
    """Adds what only `other` has: whole series, and epochs the kept form lacks."""
    where = other.run.files[0].name
    for each in other.run.series:
        key = (each.split, each.metric)
        name = each.metric if each.split == "train" else f"{each.split}_{each.metric}"
        mine = series.get(key)
        if mine is None:
            series[key] = each
            details[name] = f"from {where}"
        elif (late := _missing_rows(mine, each)) is not None and late.any():
            series[key] = _joined(mine, each, late)
            details[name] = f"{int(late.sum())} more epochs from {where}"


def _missing_rows(mine: Series, theirs: Series) -> NDArray[np.bool_] | None:
    if mine.epoch is None or theirs.epoch is None:
        return None
    lacking: NDArray[np.bool_] = ~np.isin(theirs.epoch, mine.epoch) & (theirs.epoch != MISSING)
    return lacking


def _joined(mine: Series, theirs: Series, rows: NDArray[np.bool_]) -> Series:
    def both(a: NDArray | None, b: NDArray | None, blank: float) -> NDArray | None:  # type: ignore[type-arg]
        if a is None and b is None:
            return None
        first = np.full(len(mine), blank) if a is None else a
        second = np.full(len(theirs), blank) if b is None else b
        return np.concatenate([first, second[rows]])

    assert mine.epoch is not None
    assert theirs.epoch is not None
    epoch = np.concatenate([mine.epoch, theirs.epoch[rows]])
    value = np.concatenate([mine.value, theirs.value[rows]])
    step = None if mine.step is None else both(mine.step, theirs.step, MISSING)
    wall_time = both(mine.wall_time, theirs.wall_time, math.nan)
    if bool((np.diff(mine.epoch) > 0).all()) and theirs.epoch[rows].min() < mine.epoch.max():
        order = np.argsort(epoch, kind="stable")
        epoch, value = epoch[order], value[order]
        step = None if step is None else step[order]
        wall_time = None if wall_time is None else wall_time[order]
    return Series(mine.split, mine.metric, value, epoch=epoch, step=step, wall_time=wall_time)


def files_of(group: Merged) -> Mapping[str, None]:
    """Shown paths of the files of the other forms, in order, without doubles."""
    kept = {file.shown for file in group.main.run.files}
    return dict.fromkeys(
        file.shown for other in group.others for file in other.run.files if file.shown not in kept
    )
