"""From columns of numbers to the series of runs: which epoch a row belongs to, and where a run starts again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from traindiag.model.frame import MISSING, Series
from traindiag.model.names import is_loss, split_and_metric
from traindiag.readers.parsing.tables import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traindiag.readers.parsing.tables import Table

_MANY_STEPS_BACK = 1_000
_STUB = 2
"""An attempt of fewer epochs than this is no run of its own when the log starts again after it."""
EPOCH_NAMES = ("epoch", "epochs", "ep", "round", "# epoch", "epoch_num", "n_epoch")
STEP_NAMES = ("step", "global_step", "steps", "iteration", "iter", "iterations", "batch", "update", "_step",
              "trainer/global_step", "time/total_timesteps")  # fmt: skip
"""Lower-case names of columns that count epochs and steps, in tables of no known writer."""
FRACTIONAL = "fractional in the file: each value belongs to the epoch it lies in, from 0"
_WALL_TIME_NAMES = frozenset(
    ("wall_time", "wall time", "walltime", "timestamp", "_timestamp", "time_stamp", "unix_time")
)
_PLAUSIBLE_SECONDS = (3e8, 4e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The rows of one run among those of a file.

    Attributes:
        label: ``run 2`` when the file holds several.
        series: as in `LoggedRun`.
        details: what was inferred about its epochs.
    """

    label: str
    series: tuple[Series, ...]
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Rows `start` to `stop` of a file that are one run, with the epochs they stand for.

    Attributes:
        start, stop: half-open range of rows.
        epoch: int64, shape (stop - start,).
        notes: what was done about restarts, in words.
    """

    start: int
    stop: int
    epoch: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def stretches_of(epoch: NDArray[np.int64], loss: NDArray[np.float64] | None) -> list[Stretch]:
    """Rows in logged order, cut into runs.

    A log that steps back to an epoch it already had was resumed from a checkpoint: the same run, in which the
    last attempt at an epoch counts. A log that starts again from its first epoch either trained on (the loss
    goes on where it was: epochs are renumbered to follow on) or began anew (a run of its own).

    Args:
        epoch: int64, shape (rows,), `MISSING` for rows without one.
        loss: float64, shape (rows,): the training loss if there is one.
    """
    if not len(epoch) or (epoch[0] != MISSING and bool((epoch[1:] > epoch[:-1]).all())):
        return [Stretch(start=0, stop=len(epoch), epoch=epoch)]
    epoch, notes = _without_slips(epoch)
    steps_back = np.flatnonzero(np.diff(epoch) < 0) + 1
    if len(steps_back) == 0 or len(steps_back) > _MANY_STEPS_BACK:
        return [Stretch(start=0, stop=len(epoch), epoch=epoch, notes=tuple(notes))]
    if len(np.unique(epoch)) == len(epoch) and (epoch != MISSING).all():
        notes.append("out of order in the file")
        return [Stretch(start=0, stop=len(epoch), epoch=epoch, notes=tuple(notes))]
    epoch = epoch.copy()
    stretches: list[Stretch] = []
    start = attempt = 0
    for row in steps_back.tolist():
        if epoch[row] == MISSING or epoch[row] not in epoch[attempt:row]:
            continue
        if epoch[row] > epoch[attempt]:
            notes.append(f"steps back to epoch {epoch[row]} at row {row + 1}")
        elif len(np.unique(epoch[attempt:row])) < _STUB:
            notes.append(f"starts again at row {row + 1} after a single epoch")
        elif _goes_on(loss, attempt, row):
            shift = int(epoch[attempt:row].max()) + 1 - int(epoch[row])
            notes.append(f"count starts again at row {row + 1} while the loss goes on, shifted by {shift}")
            later = epoch[row:]
            later[later != MISSING] += shift
        else:
            stretches.append(Stretch(start=start, stop=row, epoch=epoch[start:row], notes=tuple(notes)))
            start, notes = row, []
        attempt = row
    stretches.append(Stretch(start=start, stop=len(epoch), epoch=epoch[start:], notes=tuple(notes)))
    return stretches


def _without_slips(epoch: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Takes the epoch from single rows whose number is out of line between neighbours that fit each other.

    Such a number is damaged: taken for a restart it would undo good epochs.
    """
    if len(epoch) < 3:
        return epoch, []
    before, here, after = epoch[:-2], epoch[1:-1], epoch[2:]
    fits = (after - before == 2) & (before != MISSING) & (after != MISSING)
    slips = np.flatnonzero(fits & ((here < before) | (here > after)) & (here != MISSING)) + 1
    if len(slips) == 0:
        return epoch, []
    epoch = epoch.copy()
    notes = [f"epoch {epoch[row]} at row {row + 1} is out of line, not used" for row in slips[:3].tolist()]
    if len(slips) > 3:
        notes.append(f"{len(slips) - 3} more such rows")
    epoch[slips] = MISSING
    return epoch, notes


def _goes_on(loss: NDArray[np.float64] | None, start: int, row: int) -> bool:
    """Whether the loss at `row` is nearer to where the attempt before it ended than to where it began."""
    if loss is None:
        return False
    before = loss[start:row]
    before = before[np.isfinite(before)]
    if len(before) == 0 or not np.isfinite(loss[row]):
        return False
    return bool(abs(loss[row] - np.median(before[-3:])) < abs(loss[row] - before[0]))


def attempts_of(
    table: Table,
    *,
    axis_names: Iterable[str],
    index_names: Iterable[str] = (),
    step_names: Iterable[str] = (),
    names: Mapping[str, str] | None = None,
) -> list[Attempt]:
    """The runs in a table of one row an epoch, or of several: a column of steps, or fractions of epochs, tell that.

    Args:
        table: as read.
        axis_names: lower-case names of the epoch column.
        index_names: lower-case names of a column that only numbers the rows.
        step_names: lower-case names of a column of steps beside the epochs.
        names: what a column means, by the name in the file: ``{"trn": "loss"}``.

    Returns:
        Runs with at least one value; none when the table holds no metric.
    """
    roles = roles_of(tuple(table.columns), tuple(axis_names), tuple(index_names), tuple(step_names))
    details: dict[str, str] = {}
    epoch = _epochs(table, roles.epoch, details, named=roles.named)
    step = _steps(table, roles, details)
    metrics = {name: table.columns[name] for name in roles.metrics}
    wall_time = None if roles.wall_time is None else _wall_time(table.columns[roles.wall_time])
    loss = None if roles.loss is None else table.columns[roles.loss].value
    stretches = stretches_of(epoch, loss)
    attempts: list[Attempt] = []
    for stretch in stretches:
        series = series_of_columns(metrics, stretch, wall_time, names, step)
        if series:
            said = {**details, **({"restarts": "; ".join(stretch.notes)} if stretch.notes else {})}
            label = f"run {len(attempts) + 1}" if len(stretches) > 1 else ""
            attempts.append(Attempt(label=label, series=series, details=said))
    return attempts


def attempts_by_axis(
    table: Table, *, names: Mapping[str, str] | None = None, counts_epochs: bool = False
) -> list[Attempt]:
    """The runs in a table with a column of epochs, or else one of steps.

    Args:
        table, names: as in `attempts_of`.
        counts_epochs: whether a column of steps counts epochs.
    """
    by_step = find_column(table.columns, EPOCH_NAMES) is None and bool(find_column(table.columns, STEP_NAMES))
    axis_names = STEP_NAMES if by_step else EPOCH_NAMES
    beside = () if by_step else STEP_NAMES
    attempts = attempts_of(table, axis_names=axis_names, index_names=("",), step_names=beside, names=names)
    if not by_step or counts_epochs:
        return attempts
    return [replace(each, series=tuple(map(_on_steps, each.series))) for each in attempts]


def _on_steps(series: Series) -> Series:
    """The same series with its axis counted as steps, not epochs."""
    return Series(series.split, series.metric, series.value, step=series.epoch, wall_time=series.wall_time)


class Roles(NamedTuple):
    """What the columns of a table are for, by their names; `named` when the epochs have a column of their own."""

    epoch: str | None
    named: bool
    step: str | None
    metrics: tuple[str, ...]
    wall_time: str | None
    loss: str | None


@lru_cache(maxsize=64)
def roles_of(
    columns: tuple[str, ...],
    axis_names: tuple[str, ...],
    index_names: tuple[str, ...],
    step_names: tuple[str, ...] = (),
) -> Roles:
    """What the columns of a table are for; names as in `attempts_of`."""
    axis, index = find_column(columns, axis_names), find_column(columns, index_names)
    step = None if axis is None else find_column(columns, step_names)
    metrics = tuple(
        name for name in columns if name not in (axis, index, step) and name.lower() not in _WALL_TIME_NAMES
    )
    return Roles(
        epoch=axis or index,
        named=axis is not None,
        step=step,
        metrics=metrics,
        wall_time=find_column(columns, sorted(_WALL_TIME_NAMES)),
        loss=next((name for name in metrics if _is_training_loss(name)), None),
    )


def _is_training_loss(name: str) -> bool:
    split, metric = split_and_metric(name)
    return split == "train" and is_loss(metric)


def find_column(columns: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The first column whose lower-case name is one of those wanted, in the order wanted."""
    by_name = {name.lower(): name for name in reversed(list(columns))}
    return next((by_name[name] for name in wanted if name in by_name), None)


def _epochs(table: Table, name: str | None, details: dict[str, str], *, named: bool) -> NDArray[np.int64]:
    if name is None:
        details["epochs"] = "no epoch column, rows counted from 0"
        return np.arange(table.rows, dtype=np.int64)
    column = table.columns[name]
    if fractional(column):
        details["epochs"] = FRACTIONAL
        return reached(column)
    epoch = whole_numbers(column)
    first = int(epoch.min()) if len(epoch) else 0
    if first == MISSING:
        first = int(epoch[epoch != MISSING].min(initial=2**62))
        first = 0 if first == 2**62 else first
    details["epochs"] = origin_of(first, named=named)
    return epoch


def _steps(table: Table, roles: Roles, details: dict[str, str]) -> NDArray[np.int64] | None:
    """Steps of rows of which an epoch has several; of those that begin anew in each epoch, rows are counted."""
    if roles.step is not None:
        step = whole_numbers(table.columns[roles.step])
        if bool((np.diff(step) >= 0).all()):
            return step
        details["steps"] = "begin anew, rows counted"
    elif roles.epoch is None or not fractional(table.columns[roles.epoch]):
        return None
    return np.arange(table.rows, dtype=np.int64)


def fractional(column: Column) -> bool:
    """Whether epochs are counted in fractions; a damaged cell or two are no proof of that."""
    finite = column.value[np.isfinite(column.value)]
    return bool(4 * np.count_nonzero(finite != np.floor(finite)) > len(finite))


def reached(column: Column) -> NDArray[np.int64]:
    """The zero-based epochs in which counts of epochs done lie: 0.5 and 1.0 are of the first."""
    done = Column(value=np.maximum(np.ceil(column.value - 1e-9) - 1, 0), known=column.known)
    return whole_numbers(done)


def origin_of(first: int, *, named: bool) -> str:
    """Where epochs come from and what they count from, in words."""
    if not named:
        return "from the unnamed index column"
    return "zero-based" if first == 0 else f"as in the file, from {first}"


def rising(
    column: NDArray[np.float64], ranges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Epochs of many tables that stand one after the other, and of which tables they only rise.

    Args:
        column: the epochs as read, shape (all rows,).
        ranges: shape (tables, 2), the rows of each: begin and end.
    """
    epoch = whole_numbers(Column(value=column))
    back = np.cumsum(np.append(0, (epoch[1:] <= epoch[:-1]) | (epoch[:-1] == MISSING)))
    last = ranges[:, 1] - 1
    return epoch, (back[last] == back[ranges[:, 0]]) & (epoch[last] != MISSING)


def whole_numbers(column: Column) -> NDArray[np.int64]:
    """A column as int64, `MISSING` where it is blank, not finite or beyond int64."""
    value = column.value
    if column.known is None and len(value) and bool(abs(value.min()) < 2**62 > abs(value.max())):
        return value.astype(np.int64)
    fine = np.isfinite(value) & (np.abs(value) < 2**62)
    if column.known is not None:
        fine &= column.known
    return np.where(fine, np.where(fine, value, 0).astype(np.int64), MISSING)


def _wall_time(column: Column) -> NDArray[np.float64] | None:
    value = column.value
    finite = value[np.isfinite(value)]
    low, high = _PLAUSIBLE_SECONDS
    return value if len(finite) and bool(((finite > low) & (finite < high)).all()) else None


def series_of_columns(
    metrics: Mapping[str, Column],
    stretch: Stretch,
    wall_time: NDArray[np.float64] | None = None,
    names: Mapping[str, str] | None = None,
    step: NDArray[np.int64] | None = None,
) -> tuple[Series, ...]:
    """One series a column: the rows of `stretch` that hold a value."""
    rows = slice(stretch.start, stretch.stop)
    epochs = _unless_missing(stretch.epoch)
    found: list[Series] = []
    taken: set[tuple[str, str]] = set()
    for name, column in metrics.items():
        picked: NDArray[np.bool_] | slice = slice(None)
        epoch = epochs
        if column.known is not None:
            picked = column.known[rows]
            if not picked.any():
                continue
            epoch = _unless_missing(stretch.epoch[picked])
        key = unique_name((names or {}).get(name, name), taken)
        found.append(
            Series(
                *key,
                column.value[rows][picked],
                epoch=epoch,
                step=None if step is None else step[rows][picked],
                wall_time=None if wall_time is None else wall_time[rows][picked],
            )
        )
    return tuple(found)


def _unless_missing(epoch: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return None if len(epoch) and bool(epoch.max() == MISSING) else epoch


def unique_name(name: str, taken: set[tuple[str, str]]) -> tuple[str, str]:
    """Split and metric of a logged name; a second column of the same meaning keeps its own name."""
    key = split_and_metric(name)
    if key in taken:
        key = (key[0], name)
    taken.add(key)
    return key
