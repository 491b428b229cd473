"""Which logs hold the same run, proved by their values, and one run made of them.

Two logs are one run when every series both have agrees at every epoch both have, within the precision each
was printed with, and a loss is among them. Different runs practically never agree in two epochs of a loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from traindiag.model.curve import curve_of_series
from traindiag.model.frame import MISSING, Series
from traindiag.model.names import LEARNING_RATE, is_loss
from traindiag.readers.base import LoggedRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROOF_POINTS = 2
_FLOAT32_RELATIVE = 3e-7
"""Event files hold float32; averages of it are printed as float64: a few units in its last place differ."""
_SAMPLE = 400
_SMALL = 1e-3
"""Keras prints smaller values in scientific notation, with digits of their own."""


_Key = tuple[str, str]
"""Split and metric."""


class _Points(NamedTuple):
    """Values at ascending positions: epochs or steps."""

    at: NDArray[np.int64]
    value: NDArray[np.float64]


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
    _by_epoch: dict[_Key, _Points] | None = field(default=None, init=False)
    _by_step: dict[_Key, _Points] | None = field(default=None, init=False)

    def by_epoch(self) -> dict[_Key, _Points]:
        """Per-epoch values of every series that has epochs."""
        if self._by_epoch is None:
            curves = [curve_of_series(series) for series in self.run.series if len(series)]
            self._by_epoch = {
                (curve.split, curve.metric): _Points(curve.epoch, curve.value)
                for curve in curves
                if curve.axis == "epoch"
            }
        return self._by_epoch

    def by_step(self) -> dict[_Key, _Points]:
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


def _points_by_step(series: Series) -> _Points:
    assert series.step is not None
    step, last = np.unique(series.step[::-1], return_index=True)
    return _Points(step, series.value[::-1][last])


@dataclass(kw_only=True, eq=False)
class Merged:
    """One run: what the best form holds, what only the others hold, and where they lie."""

    main: Candidate
    others: list[Candidate] = field(default_factory=list)

    def logged(self) -> LoggedRun:
        """The run with the series and epochs that only other forms have added to it."""
        if not self.others:
            return self.main.run
        run = self.main.run
        series = {(each.split, each.metric): each for each in run.series}
        details = dict(run.details)
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
    order = {id(candidate): place for place, candidate in enumerate(candidates)}
    merged: list[Merged] = []
    for candidate in sorted(candidates, key=lambda each: (each.precedence, -each.rows(), order[id(each)])):
        home = next((group for group in merged if _fits(group, candidate)), None)
        if home is None:
            merged.append(Merged(main=candidate))
        else:
            home.others.append(candidate)
    return sorted(merged, key=lambda group: min(order[id(each)] for each in (group.main, *group.others)))


def _fits(group: Merged, candidate: Candidate) -> bool:
    members = (group.main, *group.others)
    # Two runs in one file are two runs whatever their values.
    files = {file.path for file in candidate.run.files}
    if any(files & {file.path for file in member.run.files} for member in members):
        return False
    return any(same_run(member, candidate) for member in members)


def same_run(one: Candidate, other: Candidate) -> bool:
    """Whether the values prove that two logs hold the same run."""
    proof = 0
    for key, ours, theirs in _shared(one, other):
        overlap = _agreement(ours, theirs)
        if overlap is None:
            return False
        if is_loss(key[1]):
            needed = min(_PROOF_POINTS, len(ours.at), len(theirs.at))
            proof += overlap >= max(1, needed)
    return proof > 0


def _shared(one: Candidate, other: Candidate) -> Iterator[tuple[_Key, _Points, _Points]]:
    """Series both have, by step where both have steps: an epoch's mean differs while it is unfinished."""
    for key in sorted(one.by_step().keys() & other.by_step().keys()):
        yield key, one.by_step()[key], other.by_step()[key]
    compared = one.by_step().keys() & other.by_step().keys()
    for key in sorted((one.by_epoch().keys() & other.by_epoch().keys()) - compared):
        # The rate is logged before or after the schedule's change: it proves nothing.
        if key[1] != LEARNING_RATE:
            yield key, one.by_epoch()[key], other.by_epoch()[key]


def _agreement(ours: _Points, theirs: _Points) -> int | None:
    """The number of shared positions, None when a value differs."""
    _, left, right = np.intersect1d(ours.at, theirs.at, assume_unique=True, return_indices=True)
    if len(left) == 0:
        return 0
    a, b = ours.value[left], theirs.value[right]
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore"):
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
        limit = _tolerance(ours.value, a) + _tolerance(theirs.value, b) + _FLOAT32_RELATIVE * np.abs(a)
        alike[finite] |= (np.abs(a - b) <= limit)[finite]
    return len(left) if bool(alike.all()) else None


def _tolerance(series: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a unit in the last printed place for each value of `at`, judged from the whole series."""
    finite = series[np.isfinite(series) & (series != 0)]
    if len(finite) > _SAMPLE:
        finite = finite[np.linspace(0, len(finite) - 1, _SAMPLE).astype(np.int64)]
    usual = finite[np.abs(finite) >= _SMALL]
    small = finite[np.abs(finite) < _SMALL]
    decimals = max((_decimals(value) for value in usual.tolist()), default=None)
    digits = max((_significant(value) for value in small.tolist()), default=None)
    magnitude = np.floor(np.log10(np.maximum(np.abs(at), 1e-300)))
    scientific = 0.51 * 10.0 ** (magnitude - digits + 1) if digits is not None else np.zeros(len(at))
    if decimals is None:
        return np.asarray(np.where(np.isfinite(scientific), scientific, 0.0))
    fixed = 0.51 * 10.0**-decimals
    return np.where(np.abs(at) >= _SMALL, fixed, scientific)


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
