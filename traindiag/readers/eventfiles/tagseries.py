"""From tags to series: names, splits, and which axis each tag is on.

Keras' TensorBoard callback writes ``epoch_<metric>`` with the epoch as step, ``batch_<metric>`` with the
number of the batch, and ``evaluation_<metric>_vs_iterations`` with the optimizer's iterations
(``keras/src/callbacks/tensorboard.py``). Lightning writes the epoch as a scalar of its own. Nothing else says
what an epoch is, and nothing else is taken for one: other tags stay on the step axis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from traindiag.analysis.epochs import better_by_step, epochs_from_boundaries, last_per_epoch, mean_per_epoch
from traindiag.model.frame import MISSING, Series
from traindiag.model.names import split_and_metric
from traindiag.readers.eventfiles.eventfile import Scalars
from traindiag.readers.eventfiles.histograms import MARK, Statistics, metric_of
from traindiag.readers.eventfiles.sessions import LoadedFile, Session, point_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH, _BATCH = "epoch_", "batch_"
_EVALUATION = re.compile(r"evaluation_.+_vs_iterations")
_EPOCH_INDEX = ("epoch", "current_epoch")
_EPOCHS_DONE = "train/epoch"
_CLOSE = 1e-3


@dataclass(slots=True)
class _Row:
    """The points of one tag of one split, over all files, each once.

    Attributes:
        split: as the folder says; empty where it does not.
        epoch: int64, `MISSING` where unknown; None when no row has one.
        over: the last epoch known to have ended.
        on_epochs, of_batches, of_evaluation: whether the tag is ``epoch_...``, ``batch_...`` or
            ``evaluation_..._vs_iterations``.
        statistic: of a histogram its tag and the name of the statistic; None for scalars.
    """

    tag: str
    split: str
    points: Scalars
    epoch: NDArray[np.int64] | None = None
    over: int = -1
    on_epochs: bool = field(init=False)
    of_batches: bool = field(init=False)
    of_evaluation: bool = field(init=False)
    statistic: tuple[str, str] | None = field(init=False)

    def __post_init__(self) -> None:
        self.on_epochs, self.of_batches, self.of_evaluation, self.statistic = _kind_of(self.tag)


class _Kind(NamedTuple):
    """What a tag alone tells; see `_Row`."""

    on_epochs: bool = False
    of_batches: bool = False
    of_evaluation: bool = False
    statistic: tuple[str, str] | None = None


@lru_cache(maxsize=4096)
def _kind_of(tag: str) -> _Kind:
    bare, mark, name = tag.rpartition(MARK)
    if mark and name in Statistics._fields:
        return _Kind(statistic=(bare, name))
    return _Kind(
        on_epochs=_is_epoch_tag(tag),
        of_batches=tag.startswith(_BATCH) and len(tag) > len(_BATCH),
        of_evaluation=_EVALUATION.fullmatch(tag) is not None,
    )


def series_of_tags(session: Session) -> tuple[list[Series], dict[str, str]]:
    """The series of a run in order of their tags, and what was inferred, each in a few words."""
    details: dict[str, str] = {}
    rows = [row for split, files in _by_split(session) for row in _rows(split, files)]
    index = _fill_epochs(rows, session, details)
    named = _Names({row.tag for row in rows} if index is not None else set())
    _histograms_on_epochs(rows, details)
    series = []
    for row in sorted(rows, key=lambda row: not row.on_epochs):
        if row is index:
            continue
        split, metric = named.of(row)
        series.append(
            Series(
                split,
                metric,
                row.points.value,
                epoch=row.points.step if row.on_epochs else row.epoch,
                step=None if row.on_epochs else row.points.step,
                wall_time=row.points.wall_time,
            )
        )
    series += _epochs_from_batches(rows, named, details)
    _note_splits(session, details)
    _note_tags(session, details)
    _note_restarts(session, rows, details)
    return series, details


def _is_epoch_tag(tag: str) -> bool:
    return tag.startswith(_EPOCH) and len(tag) > len(_EPOCH)


def _by_split(session: Session) -> list[tuple[str, list[LoadedFile]]]:
    splits: dict[str, list[LoadedFile]] = {}
    for each in session.files:
        splits.setdefault(each.split, []).append(each)
    return list(splits.items())


def _rows(split: str, files: Sequence[LoadedFile]) -> list[_Row]:
    parts: dict[str, list[Scalars]] = {}
    for each in files:
        for tag, points in each.events.scalars.items():
            parts.setdefault(tag, []).append(points)
    return [_Row(tag, split, _joined(points)) for tag, points in parts.items()]


def _joined(parts: Sequence[Scalars]) -> Scalars:
    """The points of several files in order of their beginnings, those that are there twice only once."""
    if len(parts) == 1:
        return parts[0]
    step, wall, value, order = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("step", "wall_time", "value", "order")
    )
    whole = Scalars(step, wall, value, order)
    _, first = np.unique(point_keys(whole), return_index=True)
    kept = np.sort(first)
    return Scalars(step[kept], wall[kept], value[kept], order[kept])


class _Names:
    """Split and metric of each tag; two tags never share a series.

    Args:
        lightning: all tags, where Lightning wrote them: there ``train_loss_epoch`` holds the epoch values of ``loss``,
            and ``train_loss_step`` single values of it. Empty for other writers.
    """

    def __init__(self, lightning: set[str]) -> None:
        self.taken: set[tuple[str, str]] = set()
        self.lightning = lightning

    def of(self, row: _Row) -> tuple[str, str]:
        if row.statistic:
            return self.free(row.split or "train", metric_of(*row.statistic), row.tag.replace(MARK, " "))
        default = row.split or ("val" if row.of_evaluation else "train")
        if row.of_evaluation or row.of_batches:
            named = default, row.tag
        elif row.on_epochs:
            named = split_and_metric(row.tag[len(_EPOCH) :], default)
        else:
            named = split_and_metric(self._bare(row.tag), default)
        return self.free(*named, row.tag)

    def _bare(self, tag: str) -> str:
        for suffix, rival in (("_epoch", ""), ("_step", "_epoch")):
            bare = tag.removesuffix(suffix)
            if self.lightning and bare != tag and not {bare, bare + rival} & self.lightning:
                return bare
        return tag

    def free(self, split: str, metric: str, tag: str) -> tuple[str, str]:
        """The wanted name, else the whole tag, else the tag with a number."""
        wanted, number = (split, metric), 2
        while wanted in self.taken:
            wanted = (split, tag) if (split, tag) not in self.taken else (split, f"{tag} ({number})")
            number += 1
        self.taken.add(wanted)
        return wanted


def _histograms_on_epochs(rows: Sequence[_Row], details: dict[str, str]) -> None:
    """Put statistics on the epoch axis where their steps are epochs: Keras' ``<layer>/kernel/histogram`` are."""
    found = [row for row in rows if row.statistic]
    if not found:
        return
    details["histograms"] = "reduced to minimum, maximum, mean, norm and, where buckets tell, share of zeros"
    for row in found:
        epochs = next(
            (each.points.step for each in rows if _is_epoch_tag(each.tag) and each.split == row.split), None
        )
        named = row.statistic is not None and row.statistic[0].endswith("/histogram")
        if named and epochs is not None and bool(np.isin(row.points.step, epochs).all()):
            row.on_epochs = True


# --- epochs of rows on the step axis -------------------------------------------------------------


def _fill_epochs(rows: Sequence[_Row], session: Session, details: dict[str, str]) -> _Row | None:
    """Set `epoch` of the rows whose epochs the files tell; gives the row that holds nothing but epochs."""
    epoch_tags = [row for row in rows if row.on_epochs]
    if epoch_tags:
        details["epochs"] = "steps of the epoch_* tags, zero-based"
    batches = [row for row in rows if row.of_batches]
    boundaries = _iterations_at_epoch_ends(rows) if batches else None
    for row in batches:
        _epochs_by_order(row, session)
        if row.epoch is None and boundaries is not None:
            _epochs_by_iterations(row, boundaries)
    if any(row.epoch is not None for row in batches):
        details["batch epochs"] = (
            "from the order of batch_* and epoch_* records"
            if any(row.split == batches[0].split for row in epoch_tags)
            else "from the iterations at which validation ran"
        )
    return None if epoch_tags else _epochs_by_index(rows, details)


def _epochs_by_order(row: _Row, session: Session) -> None:
    """A batch belongs to the next epoch that ends behind it in its file, or to the one after the last."""
    epoch = np.full(len(row.points), MISSING, dtype=np.int64)
    for each in session.files:
        ends = next((p for tag, p in each.events.scalars.items() if _is_epoch_tag(tag)), None)
        mine = each.events.scalars.get(row.tag)
        if each.split != row.split or ends is None or mine is None:
            continue
        if len(ends) > 1 and float(np.median(np.diff(ends.step))) > 1:
            continue  # With update_freq=n Keras logs only some epochs: a batch may be of one that is not there.
        here = (row.points.order >= mine.order[0]) & (row.points.order <= mine.order[-1])
        following = np.searchsorted(ends.order, row.points.order[here])
        label = np.append(ends.step, ends.step[-1] + 1)
        epoch[here] = label[following]
        row.over = int(ends.step[-1])
    if not bool(np.all(epoch == MISSING)):
        row.epoch = epoch


def _iterations_at_epoch_ends(rows: Sequence[_Row]) -> NDArray[np.int64] | None:
    """The optimizer's iterations at the end of epoch 0, 1, ..., as validation logged them."""
    evaluation = next((row for row in rows if row.of_evaluation), None)
    if evaluation is None:
        return None
    iterations = evaluation.points.step
    labelled = (row for row in rows if row.on_epochs and row.split == evaluation.split)
    epochs = next((row.points.step for row in labelled), np.arange(len(iterations)))
    count = min(len(iterations), len(epochs))
    iterations, epochs = iterations[:count], epochs[:count]
    # Every epoch must have been validated, and none repeated, for the iterations to bound the epochs.
    whole = count > 0 and epochs[0] == 0 and bool(np.all(np.diff(epochs) == 1))
    return iterations if whole and bool(np.all(np.diff(iterations) > 0)) else None


def _epochs_by_iterations(row: _Row, iterations: NDArray[np.int64]) -> None:
    if not bool(np.any(np.diff(row.points.step) < 0)):
        row.epoch = epochs_from_boundaries(row.points.step, iterations)
        row.over = len(iterations) - 1


def _epochs_by_index(rows: Sequence[_Row], details: dict[str, str]) -> _Row | None:
    """Lightning logs the epoch as a scalar beside the others: it says which epoch a step belongs to.

    Hugging Face's Trainer logs how many epochs are done, in fractions, and calls that ``train/epoch``.
    """
    index = next((row for row in rows if row.tag.lower() in (*_EPOCH_INDEX, _EPOCHS_DONE)), None)
    if index is None or len(index.points) == 0:
        return None
    value, step = index.points.value, index.points.step
    if index.tag == _EPOCHS_DONE and bool(np.all(np.isfinite(value) & (value > 0))):
        if better_by_step(value.tolist(), max(len(row.points) for row in rows if row is not index)):
            return None
        value = np.maximum(np.ceil(value - _CLOSE) - 1, 0)
    whole = bool(np.all(np.isfinite(value)) and np.all(value == np.floor(value)) and np.all(value >= 0))
    if not whole or bool(np.any(np.diff(step) < 0)) or bool(np.any(np.diff(value) < 0)):
        return None
    details["epochs"] = f"from the scalar {index.tag!r} logged at the same steps"
    for row in rows:
        if row is not index:
            before = np.searchsorted(step, row.points.step, side="right") - 1
            row.epoch = value[np.maximum(before, 0)].astype(np.int64)
    return index


# --- epoch values from batch values ----------------------------------------------------------------


def _epochs_from_batches(rows: Sequence[_Row], named: _Names, details: dict[str, str]) -> list[Series]:
    """Epoch values of metrics of which only batch values were logged, for epochs that are over."""
    batches = [row for row in rows if row.of_batches and row.epoch is not None]
    logged = {(row.split, row.tag[len(_EPOCH) :]): row for row in rows if _is_epoch_tag(row.tag)}
    kinds = _kinds(batches, logged)
    if kinds:
        details["batch values"] = "; ".join(sorted(set(kinds.values())))
    elif batches:
        details["batch values"] = "taken for running means (Keras)"
    running = not any(kind.startswith("single") for kind in kinds.values())
    series = []
    for row in batches:
        metric = row.tag[len(_BATCH) :]
        if (row.split, metric) in logged or metric == "steps_per_second":
            continue
        derived = _epoch_values(row, running)
        if derived is None:
            continue
        epoch, value, wall_time = derived
        split, name = named.free(*split_and_metric(metric, row.split or "train"), row.tag + " per epoch")
        series.append(Series(split, name, value, epoch=epoch, wall_time=wall_time))
        how = "last running mean" if running else "mean of the batches"
        details[f"{split}/{name}"] = f"{how} of each epoch of {row.tag}"
    return series


def _kinds(batches: Sequence[_Row], logged: Mapping[tuple[str, str], _Row]) -> dict[str, str]:
    """For batch tags whose epoch values are logged, too: which of the two readings agrees with them."""
    kinds = {}
    for row in batches:
        known = logged.get((row.split, row.tag[len(_BATCH) :]))
        if known is None or row.epoch is None:
            continue
        epochs, last = last_per_epoch(row.points.value, row.epoch)
        _, mean = mean_per_epoch(row.points.value, row.epoch)
        at, value = last_per_epoch(known.points.value, known.points.step)
        _, here, there = np.intersect1d(epochs, at, return_indices=True)
        last_off = _deviation(last[here], value[there])
        mean_off = _deviation(mean[here], value[there])
        if last_off <= _CLOSE and last_off <= mean_off:
            kinds[row.tag] = "running means (Keras)"
        elif mean_off <= _CLOSE:
            kinds[row.tag] = "single batches"
        elif mean_off < last_off:
            # The last running mean is the epoch's value whatever the sizes; the plain average of batches is not.
            kinds[row.tag] = "single batches, not all of one size"
    return kinds


def _deviation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Median relative difference; infinite without a finite pair."""
    with np.errstate(all="ignore"):
        off = np.abs(a - b) / np.maximum(np.abs(b), 1e-12)
    off = off[np.isfinite(off)]
    return float(np.median(off)) if len(off) else np.inf


def _epoch_values(
    row: _Row, running: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Epochs that are over, their values, and the wall time of their last batch."""
    if row.epoch is None:
        return None
    over = (row.epoch != MISSING) & (row.epoch <= row.over)
    if not over.any():
        return None
    value, epoch = row.points.value[over], row.epoch[over]
    epochs, values = last_per_epoch(value, epoch) if running else mean_per_epoch(value, epoch)
    return epochs, values, last_per_epoch(row.points.wall_time[over], epoch)[1]


# --- what was inferred -----------------------------------------------------------------------------


def _note_splits(session: Session, details: dict[str, str]) -> None:
    folders = {os.path.basename(each.folder): each.split for each in session.files if each.split}
    if folders:
        parts = (f"{folder}/ is {split}" for folder, split in sorted(folders.items()))
        details["splits"] = "by folder: " + ", ".join(parts)


def _note_tags(session: Session, details: dict[str, str]) -> None:
    notes = dict.fromkeys(note for each in session.files for note in each.events.notes)
    if notes:
        details["tags"] = "; ".join(list(notes)[:5])


def _note_restarts(session: Session, rows: Sequence[_Row], details: dict[str, str]) -> None:
    """Say how many points a training that was resumed from an earlier step has logged a second time."""
    starts = sum(len(each.events.starts) for each in session.files)
    if starts <= 1 and len({each.folder for each in session.files}) == len(session.files):
        return
    said = [f"{starts} session starts logged"] if starts > 1 else []
    # Batches are counted anew in every epoch or fit, which is no restart.
    superseded = max((_superseded(row.points.step) for row in rows if not row.of_batches), default=0)
    if superseded:
        said.append(f"{superseded} points logged again from an earlier step on: the later ones count")
    if said:
        details["restarts"] = "; ".join(said)


def _superseded(step: NDArray[np.int64]) -> int:
    """How many points are followed by one of the same or an earlier step."""
    if len(step) < 2:
        return 0
    lowest_after = np.minimum.accumulate(step[:0:-1])[::-1]
    return int((step[:-1] >= lowest_after).sum())
