"""Reading only what is new in a log that grows, in bounded memory, with the readers that read whole files.

A reader is given the beginning of the file (its header and first rows, the *context*) and the new complete records
behind it, as if that were the whole file; the rows of the context are dropped again. So every rule a format has
for names, blanks and damage holds for a chunk too.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traindiag.model.errors import UnreadableError
from traindiag.model.frame import MISSING, Series
from traindiag.readers.base import LogFile, LoggedRun, Reader

CHUNK = 1 << 20
CONTEXT_LINES = 8
MOST_CONTEXT = 1 << 16
MOST_ROWS = 4096
"""Rows kept of one series; more are averaged in pairs, so that memory does not grow with the log."""
MOST_SERIES = 1024
LINE_FORMATS = frozenset({"keras-csv", "generic-table", "lightning-csv", "yolo-csv", "fastai-csv", "jsonl"})
EVENTS = "tensorboard"
_FRAME = 16
_Key = tuple[str, str]


def can_tail(reader: Reader) -> bool:
    """Whether files of this format only grow at their end and can be read in pieces."""
    return reader.name in LINE_FORMATS or reader.name == EVENTS


class Rows:
    """The rows of one series, at most `MOST_ROWS`: neighbours are averaged when there are more."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.total = 0
        self._stride = 1
        self._columns: list[NDArray[Any]] = [
            np.empty(0),
            *(np.empty(0, np.int64) for _ in range(2)),
            np.empty(0),
        ]
        self._pending: list[NDArray[Any]] = [each.copy() for each in self._columns]

    def add(self, series: Series) -> None:
        """Append the rows of a series."""
        count = len(series)
        self.total += count
        missing = np.full(count, MISSING, dtype=np.int64)
        new = [
            series.value,
            missing if series.epoch is None else series.epoch,
            missing if series.step is None else series.step,
            np.full(count, np.nan) if series.wall_time is None else series.wall_time,
        ]
        self._pending = [np.concatenate(pair) for pair in zip(self._pending, new, strict=True)]
        self._take()
        while len(self._columns[0]) > MOST_ROWS:
            self._halve()

    def series(self) -> Series:
        """The rows kept, those that wait for their neighbours included."""
        value, epoch, step, wall = (
            np.concatenate(pair) for pair in zip(self._columns, self._pending, strict=True)
        )
        return Series(
            *self.key,
            value,
            epoch=None if bool((epoch == MISSING).all()) else epoch,
            step=None if bool((step == MISSING).all()) else step,
            wall_time=None if bool(np.isnan(wall).all()) else wall,
        )

    def _take(self) -> None:
        """Move full groups of `stride` rows from the pending ones, averaged, to those kept."""
        whole = len(self._pending[0]) // self._stride * self._stride
        taken = _grouped([each[:whole] for each in self._pending], self._stride)
        self._pending = [each[whole:] for each in self._pending]
        self._columns = [np.concatenate(pair) for pair in zip(self._columns, taken, strict=True)]

    def _halve(self) -> None:
        even = len(self._columns[0]) // 2 * 2
        rest = [each[even:] for each in self._columns]
        self._columns = [*_grouped([each[:even] for each in self._columns], 2)]
        # An odd row is left as it is: it stands for half as many rows as its neighbours.
        self._columns = [np.concatenate(pair) for pair in zip(self._columns, rest, strict=True)]
        self._stride *= 2


def _grouped(columns: list[NDArray[Any]], size: int) -> list[NDArray[Any]]:
    """Groups of `size` rows as one: the mean value, the last epoch, step and time."""
    value, *places = columns
    return [value.reshape(-1, size).mean(axis=1), *(each[size - 1 :: size] for each in places)]


class Tail:
    """One growing file.

    Args:
        path, shown: the file and its name in messages.
        reader: of its format.
    """

    def __init__(self, path: Path, shown: str, reader: Reader) -> None:
        self.path = path
        self.shown = shown
        self.reader = reader
        self.restarts = -1
        self._begin()

    def _begin(self) -> None:
        """Forget everything: the file is new, or another one under the same name."""
        self.rows: dict[_Key, Rows] = {}
        self.params: dict[str, Any] = {}
        self.details: dict[str, str] = {}
        self.restarts += 1
        self._offset = 0
        self._context = b""
        self._dropped: dict[_Key, int] = {}
        self._inode: int | None = None

    def advance(self) -> bool:
        """Read what is new; whether there was any.

        Raises:
            UnreadableError: the file cannot be opened.
        """
        try:
            with self.path.open("rb") as file:
                return self._advance(file)
        except OSError as error:
            raise UnreadableError(
                (error.strerror or str(error)).lower(), where=self.shown, next_step="check the path"
            ) from error

    def _advance(self, file: Any) -> bool:
        import os

        status = os.fstat(file.fileno())
        replaced = self._inode not in (None, status.st_ino)
        if replaced or status.st_size < self._offset or file.read(len(self._context)) != self._context:
            self._begin()
        self._inode = status.st_ino
        grew = False
        file.seek(self._offset)
        while chunk := self._whole(file.read(CHUNK)):
            self._offset += len(chunk)
            self._feed(chunk)
            grew = True
            file.seek(self._offset)
        return grew

    def _whole(self, data: bytes) -> bytes:
        """The complete records at the beginning of `data`."""
        if self.reader.name == EVENTS:
            return data[: _records_end(data)]
        return data[: data.rfind(b"\n") + 1]

    def _feed(self, chunk: bytes) -> None:
        if not self._context:
            self._context = self._context_of(chunk)
            self._dropped = {key: len(each) for key, each in _by_key(self._read(self._context))}
            self._add(self._read(chunk), first=True)
        else:
            self._add(self._read(self._context + chunk), first=False)

    def _context_of(self, chunk: bytes) -> bytes:
        if self.reader.name == EVENTS:
            return chunk[: struct.unpack_from("<Q", chunk)[0] + _FRAME]
        end = 0
        for _ in range(CONTEXT_LINES):
            end = chunk.find(b"\n", end) + 1 or end
        return chunk[: min(end, MOST_CONTEXT)]

    def _read(self, data: bytes) -> list[LoggedRun]:
        try:
            return list(self.reader.read([LogFile(self.path, self.shown, data)]))
        except UnreadableError:
            return []  # A header without rows, or records without scalars: not yet.

    def _add(self, runs: list[LoggedRun], *, first: bool) -> None:
        if len(runs) > 1:
            # Another run was appended to the file: only the latest is watched.
            self.rows = {}
            self._dropped = {} if first else self._dropped
        for run in runs[-1:]:
            self.params.update(run.params)
            self.details.update(run.details)
            for each in run.series:
                key = (each.split, each.metric)
                drop = 0 if first or len(runs) > 1 else self._dropped.get(key, 0)
                self._append(key, each, drop)

    def _append(self, key: _Key, series: Series, drop: int) -> None:
        if key not in self.rows:
            if len(self.rows) >= MOST_SERIES:
                return
            self.rows[key] = Rows(key)
        kept = self.rows[key]
        epoch = series.epoch
        if epoch is not None and self.details.get("epochs", "").startswith("no epoch column") and drop:
            epoch = epoch + (kept.total - drop)  # Rows are counted, and these come after all before.
        kept.add(
            Series(
                *key,
                series.value[drop:],
                epoch=None if epoch is None else epoch[drop:],
                step=None if series.step is None else series.step[drop:],
                wall_time=None if series.wall_time is None else series.wall_time[drop:],
            )
        )


def _by_key(runs: Iterable[LoggedRun]) -> Iterator[tuple[_Key, Series]]:
    for run in runs:
        for each in run.series:
            yield (each.split, each.metric), each


def _records_end(data: bytes) -> int:
    """Bytes of whole TFRecords at the beginning; a damaged length takes all there is to the reader."""
    at = 0
    while at + 12 <= len(data):
        length = struct.unpack_from("<Q", data, at)[0]
        if at + length + _FRAME > len(data):
            return at if at or length < CHUNK else len(data)
        at += length + _FRAME
    return at


def joined(tails: Iterable[Tail]) -> tuple[Series, ...]:
    """The series of several files of one run."""
    found: dict[_Key, list[Series]] = defaultdict(list)
    for tail in tails:
        for key, rows in tail.rows.items():
            found[key].append(rows.series())
    return tuple(max(each, key=len) if len(each) > 1 else each[0] for each in found.values())
