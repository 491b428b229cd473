"""Short records of one length, decoded by the column.

Most repeat a few layouts: the same bytes but for wall time, step and value (`layouts`). A layout is learnt from one
record that is decoded field by field, and then serves all that agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from traindiag.readers.eventfiles import crc32c, protowire
from traindiag.readers.eventfiles.bulk import passed_over
from traindiag.readers.eventfiles.framing import overlapping
from traindiag.readers.eventfiles.layouts import Shape, column_of, width_of
from traindiag.readers.eventfiles.singles import Record, Singles, is_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SEEDS = 32
_LEAST_YIELD = 4


class Columns(NamedTuple):
    """Points, or records each of which may be one; shape (n,) each.

    Attributes:
        file: int32, number of the file.
        tag: int32, number of the tag; -1 for a record that is no (single) point.
        step: int64.
        wall_time, value: float64.
        order: int64: the number of the record among all records read.
    """

    file: NDArray[np.int32]
    tag: NDArray[np.int32]
    step: NDArray[np.int64]
    wall_time: NDArray[np.float64]
    value: NDArray[np.float64]
    order: NDArray[np.int64]

    def only(self, which: NDArray[np.bool_]) -> Columns:
        """Some of them."""
        file, tag, step, wall_time, value, order = self
        return Columns(file[which], tag[which], step[which], wall_time[which], value[which], order[which])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Short records of one length.

    Attributes:
        length: bytes of each payload.
        bytes: shape (n, width): payload, checksum and some bytes of what follows.
        slot: shape (n,): their places among the records that are decoded together.
    """

    length: int
    bytes: NDArray[np.uint8]
    slot: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.slot)

    def __getitem__(self, which: Any) -> Rows:
        return Rows(self.length, self.bytes[which], self.slot[which])

    @property
    def payloads(self) -> NDArray[np.uint8]:
        """Shape (n, length)."""
        return self.bytes[:, : self.length]

    @property
    def stored(self) -> NDArray[np.uint32]:
        """The checksums that stand behind the payloads, shape (n,)."""
        return column_of(self.bytes, self.length, "<u4")


def rows_at(data: NDArray[np.uint8], start: NDArray[np.int64], length: int, slot: NDArray[np.intp]) -> Rows:
    """The rows of the records of one length whose payloads begin at `start`."""
    width = width_of(length)
    rows = overlapping(data, f"V{width}")[start].view(np.uint8)
    return Rows(length, rows.reshape(-1, width), slot)


class RowDecoder:
    """Decodes rows into columns with one entry a record.

    Args:
        columns: of the records that are decoded together; `file` is filled in, `tag` is -1.
        offset: of each record's header in its file.
        singles: decodes what repeats no layout.
        shapes: the layouts known, by the length of their records.
    """

    def __init__(
        self,
        columns: Columns,
        offset: NDArray[np.int64],
        singles: Singles,
        shapes: dict[int, list[Shape]],
    ) -> None:
        self.columns = columns
        self.offset = offset
        self.singles = singles
        self.shapes = shapes

    def decode(self, rows: Rows) -> None:
        """Match records with templates, and learn new ones from what is left over."""
        shapes = self.shapes.setdefault(rows.length, [])
        count, learnt, seeds = len(rows), 0, 2
        while len(rows):
            for shape in tuple(shapes):
                before = len(rows)
                rows = self._unmatched(shape, rows)
                if len(rows) < before:  # Most likely the next records match the same.
                    shapes.remove(shape)
                    shapes.insert(0, shape)
                if not len(rows):
                    return
            # Where templates serve few rows each, the plain way is as quick.
            if learnt >= _MOST_SEEDS and count - len(rows) < _LEAST_YIELD * learnt:
                break
            fresh = sum(self._learn(rows, i, shapes) for i in range(min(seeds, len(rows))))
            rows = rows[seeds:]
            if not fresh:
                break
            learnt += fresh
            seeds = min(2 * seeds, _MOST_SEEDS)
        if len(rows):
            self._rare(rows)

    def _unmatched(self, shape: Shape, rows: Rows) -> Rows:
        """Decode the records that match the shape's templates; the others are handed back."""
        template = shape.match(rows.bytes.view("<u8"))
        left = rows[:0]
        if isinstance(template, np.ndarray) and (other := template < 0).any():
            left, rows, template = rows[other], rows[~other], template[~other]
        if self.singles.verify and len(rows):
            bad = shape.checksum(rows.bytes, template) != rows.stored
            if bad.any():
                self._damaged(rows[bad])
                rows = rows[~bad]
                template = template[~bad] if isinstance(template, np.ndarray) else template
        if len(rows):
            columns, slot = self.columns, rows.slot
            columns.tag[slot] = shape.tag[template]
            columns.step[slot] = shape.steps(rows.bytes)
            columns.wall_time[slot] = column_of(rows.bytes, 1, "<f8")
            columns.value[slot] = shape.values(rows.bytes)
        return left

    def _learn(self, rows: Rows, i: int, shapes: list[Shape]) -> bool:
        """Decode one record the plain way; True when it is a new template for others."""
        event = self.singles.read(self._record(rows, i))
        if event is None or not _is_regular(event):
            return False
        value = event.values[0]
        assert value.place is not None
        fresh = Shape(rows.length, value.place, event.step_at)
        shape = next((known for known in shapes if known.identity == fresh.identity), fresh)
        if shape is fresh:
            shapes.append(fresh)
        return shape.learn(rows.bytes[i], self.singles.tag_index(value.tag))

    def _rare(self, rows: Rows) -> None:
        """Records of one length that repeat no layout."""
        if self.singles.verify:
            bad = crc32c.masked_crc_of_rows(rows.payloads) != rows.stored
            self._damaged(rows[bad])
            rows = rows[~bad]
        width = rows.bytes.shape[1]
        start, length = np.arange(len(rows)) * width, np.full(len(rows), rows.length)
        bulk = passed_over(rows.bytes.ravel(), start, length, histograms=self.singles.histograms)
        for i in np.flatnonzero(~bulk).tolist():
            self.singles.read(self._record(rows, i)._replace(stored=None))

    def _record(self, rows: Rows, i: int) -> Record:
        slot = int(rows.slot[i])
        payload = rows.bytes[i, : rows.length].tobytes()
        return Record(
            slot, int(self.columns.file[slot]), int(self.offset[slot]), payload, int(rows.stored[i])
        )

    def _damaged(self, rows: Rows) -> None:
        for i in range(len(rows)):
            self.singles.damaged(self._record(rows, i))


def _is_regular(event: protowire.Event) -> bool:
    """Whether records of the same bytes but for time, step and value mean the same."""
    if not event.plain or event.wall_at != 1 or len(event.values) != 1:
        return False
    value = event.values[0]
    return not event.version and event.session is None and value.place is not None and is_point(value)
