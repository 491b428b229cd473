"""Decoding the records of a page into points: short ones by the column, the others one by one.

Records of one length mostly repeat a few layouts, and are read by the column (`rows`). What fits no layout is decoded
one by one (`singles`); images, histograms and graphs are told by their first bytes and passed over (`bulk`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.readers.eventfiles import crc32c
from traindiag.readers.eventfiles.bulk import passed_over
from traindiag.readers.eventfiles.eventfile import EventFile
from traindiag.readers.eventfiles.framing import overlapping
from traindiag.readers.eventfiles.layouts import Shape
from traindiag.readers.eventfiles.rows import Columns, RowDecoder, rows_at
from traindiag.readers.eventfiles.singles import Record, Singles

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORT = crc32c.LINE
"""Records up to this many bytes are checked and decoded as rows; no scalar of a usual writer is longer."""

_BLOCK = 1 << 16


class Decoder:
    """Takes records as they are found and keeps the points they hold.

    Args: as `Singles`.

    Attributes:
        tags: number of each tag.
        columns: the points decoded so far, in blocks.
        extra: further points of records that hold several.
    """

    def __init__(self, file: Callable[[int], EventFile], *, verify: bool, histograms: bool) -> None:
        self.columns: list[Columns] = []
        self.extra: list[Columns] = []
        self._singles = Singles(file, verify=verify, histograms=histograms)
        self.tags = self._singles.tags
        self._shapes: dict[int, list[Shape]] = {}
        self._records = 0

    def add(
        self,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        length: NDArray[np.int64],
        file: NDArray[np.int32],
        offset: NDArray[np.int64],
    ) -> None:
        """Decode the records of a page.

        Args:
            data: the bytes of the page.
            start, length: of the payloads in it.
            file, offset: number of the file of each, and place of its header there.
        """
        for begin in range(0, len(start), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            self._add(data, start[part], length[part], file[part], offset[part])

    def _add(
        self,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        length: NDArray[np.int64],
        file: NDArray[np.int32],
        offset: NDArray[np.int64],
    ) -> None:
        count = len(start)
        columns = Columns(
            file=file,
            tag=np.full(count, -1, dtype=np.int32),
            step=np.empty(count, dtype=np.int64),
            wall_time=np.empty(count, dtype=np.float64),
            value=np.empty(count, dtype=np.float64),
            order=np.arange(self._records, self._records + count),
        )
        decoder = RowDecoder(columns, offset, self._singles, self._shapes)
        clipped = np.minimum(length, SHORT + 1).astype(np.uint16)
        by_length = np.argsort(clipped, kind="stable")
        counts = np.bincount(clipped, minlength=SHORT + 2)
        ends = np.cumsum(counts)
        for size in np.flatnonzero(counts[: SHORT + 1]).tolist():
            slots = by_length[ends[size] - counts[size] : ends[size]]
            decoder.decode(rows_at(data, start[slots], size, slots))
        long = by_length[ends[SHORT] :]
        if len(long):
            bulk = passed_over(data, start[long], length[long], histograms=self._singles.histograms)
            for i in long[~bulk].tolist():
                begin, end = int(start[i]), int(start[i] + length[i])
                payload, stored = data[begin:end].tobytes(), int(overlapping(data, "<u4")[end])
                self._singles.read(Record(i, int(file[i]), int(offset[i]), payload, stored))
        self._place_singles(columns)
        points = columns.tag >= 0
        self.columns.append(columns if points.all() else columns.only(points))
        self._records += count

    def take(self) -> Columns | None:
        """The points of all records so far, the extra ones last; None when there are none. The decoder keeps none."""
        parts = [*self.columns, *self.extra]
        self.columns, self.extra = [], []
        if not any(len(part.tag) for part in parts):
            return None
        return Columns(*map(np.concatenate, zip(*parts, strict=True)))

    def _place_singles(self, columns: Columns) -> None:
        """Put the points of records decoded one by one in their slots; further ones of a record are extra."""
        points, self._singles.points = self._singles.points, []
        if not points:
            return
        slot, *found = (np.array(values) for values in zip(*points, strict=True))
        further = np.append(False, slot[1:] == slot[:-1])
        into: tuple[NDArray[Any], ...] = columns.tag, columns.step, columns.wall_time, columns.value
        for column, values in zip(into, found, strict=True):
            column[slot[~further]] = values[~further]
        if further.any():
            tag, step, wall_time, value = (values[further] for values in found)
            file, order = columns.file[slot[further]], columns.order[slot[further]]
            self.extra.append(Columns(file, tag, step, wall_time, value, order))
