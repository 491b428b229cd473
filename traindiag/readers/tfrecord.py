"""TFRecord framing: where the records of event files begin, and what is damaged between them.

A record is its length (8 bytes), the masked CRC of the length (4), the payload, the masked CRC of the
payload (4); all little-endian. Files are read in sequence into one reused page, several small ones side by
side, large ones page after page. Header follows header by a plain loop, or, where a page holds thousands
of short records, in lockstep lanes: many places of the page at once, each lane a guess that the walk
from the beginning must confirm. After damage the next offset whose length has a valid CRC is searched.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from traindiag.readers.crc32c import masked_crc, masked_crc_of_lengths, short_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAGE_BYTES = 8 << 20
HEADER = 12
FRAME = 16
"""Bytes of a record beside its payload."""

_SPARE = 1024
"""Bytes of a page behind its data, so that look-ups near the end stay inside it."""
_LANE_BYTES = 8 << 10
_LEAST_LANES = 32
_SHORT_RECORD = 512
_PROBE = 32 << 10
_PEEK = 4096
_FAR = 1 << 40
"""A longer record is taken for damage; no file system log holds one."""
_unpack_header = Struct("<QI").unpack_from
_unpack_crc = Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class Loss:
    """Bytes of a file that hold no readable record.

    Attributes:
        offset, size: in bytes of the file.
        records: how many records were lost, at least; 0 when the content came back.
        what: what is wrong there, in a few words.
    """

    offset: int
    size: int
    records: int
    what: str


@dataclass(slots=True)
class Region:
    """The part of one file that lies in a page.

    Attributes:
        file: index of the file.
        offset: place in the file of the region's first byte.
        begin, end: place in the page.
        last: nothing of the file follows.
        start: page offsets of the payloads found, shape (n,).
        length: their bytes.
        losses: what is damaged in between.
        large: records that no page can hold: offset in the file, bytes of the payload, and its first bytes.
        stop: page offset from which the next page must go on; `end` when all is used.
        begun: payload bytes of the record that begins at `stop` and ends outside the page; -1 when there is none.
        lost_since: file offset since which no record could be found; None while in step.
    """

    file: int
    offset: int
    begin: int
    end: int
    last: bool
    start: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    length: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    losses: list[Loss] = field(default_factory=list)
    large: list[tuple[int, int, bytes]] = field(default_factory=list)
    stop: int = 0
    begun: int = -1
    lost_since: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Whole records of one or more files; `data` is overwritten by the next page."""

    data: NDArray[np.uint8]
    regions: list[Region]


def overlapping(data: NDArray[np.uint8], dtype: str) -> NDArray[Any]:
    """A view with one item of `dtype` beginning at every byte of `data`."""
    size = np.dtype(dtype).itemsize
    return np.ndarray((len(data) - size + 1,), dtype, data, strides=(1,))


def pages(files: Iterable[BinaryIO], page_bytes: int = PAGE_BYTES) -> Iterator[Page]:
    """The records of files, page by page, in the order of the files and of their bytes.

    Args:
        files: unbuffered binary files at their beginning, opened one after the other; closed here.
        page_bytes: how much is read at once. Longer records are passed over by seeking.
    """
    data = np.zeros(page_bytes + _SPARE, dtype=np.uint8)
    view = data.data
    regions: list[Region] = []
    fill = 0
    for index, file in enumerate(files):
        with file:
            offset, begin, lost_since = 0, fill, None
            while True:
                got = _read_into(file, view[fill:page_bytes])
                fill += got
                last = fill < page_bytes
                region = Region(index, offset, begin, fill, last, lost_since=lost_since)
                regions.append(region)
                if last:
                    break
                _walk(data, regions)
                _pass_over(file, data, region, page_bytes)
                yield Page(data, regions)
                rest = region.end - region.stop
                data[:rest] = data[region.stop : region.end].copy()
                offset, lost_since = region.offset + region.stop - region.begin, region.lost_since
                regions, begin, fill = [], 0, rest
    if regions:
        _walk(data, regions)
        yield Page(data, regions)


def _read_into(file: BinaryIO, view: memoryview) -> int:
    """Fill the view as far as the file goes."""
    got = 0
    while got < len(view):
        step = file.readinto(view[got:])  # type: ignore[attr-defined]
        if not step:
            break
        got += step
    return got


def _pass_over(file: BinaryIO, data: NDArray[np.uint8], region: Region, page_bytes: int) -> None:
    """Seek behind a whole record that no page can hold."""
    rest, length = region.end - region.stop, region.begun
    if length + FRAME <= page_bytes:
        return
    offset = region.offset + region.stop - region.begin
    if offset + length + FRAME > file.seek(0, os.SEEK_END):
        # Cut off, or no true length: search on behind it.
        file.seek(offset + rest)
        region.lost_since, region.stop = offset, region.end - HEADER + 1
        return
    begin = region.stop + HEADER
    region.large.append((offset, length, data[begin : min(begin + _PEEK, region.end)].tobytes()))
    file.seek(offset + length + FRAME)
    region.offset += length + FRAME - rest
    region.stop = region.end


# --- walking -----------------------------------------------------------------------------------


class _Lanes:
    """Chains of headers walked at the same time from guessed beginnings.

    Attributes:
        begin: page offset of each lane's first header, ascending.
        end: where each chain ended: at or behind the next lane, or at a header that is no good.
        heads: all header offsets, lane after lane; those of lane i are ``heads[cut[i]:cut[i + 1]]``.
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        begin: NDArray[np.int64],
        stop: NDArray[np.int64],
        limit: NDArray[np.int64],
    ) -> None:
        sizes, crcs, lut = overlapping(data, "<u8"), overlapping(data[8:], "<u4"), short_lengths()
        end = begin.copy()
        lane, at = np.arange(len(begin)), begin
        taken = []
        while len(at):
            size = sizes[at]
            low = size.astype(np.uint16)
            after = at + FRAME + low
            good = (lut[low] == crcs[at]) & (size == low) & (after <= limit)
            if not good.all():
                end[lane[~good]] = at[~good]
                lane, at, after, stop, limit = (x[good] for x in (lane, at, after, stop, limit))
            taken.append(at)
            at = after
            going = at < stop
            if not going.all():
                end[lane[~going]] = at[~going]
                lane, at, stop, limit = (x[going] for x in (lane, at, stop, limit))
        # Lanes do not overlap, so sorted offsets are those of lane after lane.
        self.heads = np.sort(np.concatenate(taken)) if taken else begin
        self.cut = np.append(np.searchsorted(self.heads, begin), len(self.heads)).tolist()
        self.begin: list[int] = begin.tolist()
        self.end: list[int] = end.tolist()


def _walk(data: NDArray[np.uint8], regions: list[Region]) -> None:
    """Find the records of every region; see `Region`'s attributes for what is filled in."""
    walker = _Walker(data, _lanes(data, regions))
    for region in regions:
        walker.walk(region)


def _lanes(data: NDArray[np.uint8], regions: list[Region]) -> _Lanes | None:
    begins: list[NDArray[np.int64]] = []
    limits: list[NDArray[np.int64]] = []
    for region in regions:
        size = region.end - region.begin
        if size == 0:
            continue
        mine = np.array([region.begin])
        if size > _LEAST_LANES * _LANE_BYTES and (mean := _mean_record(data, region)) <= _SHORT_RECORD:
            mine = np.append(mine, _guessed_headers(data, region, max(4 * mean, 128)))
        begins.append(mine)
        limits.append(np.full(len(mine), region.end))
    begin = np.concatenate(begins) if begins else np.empty(0, dtype=np.int64)
    if len(begin) < _LEAST_LANES:
        return None
    limit = np.concatenate(limits)
    stop = np.minimum(np.append(begin[1:], limit[-1]), limit)
    return _Lanes(data, begin, stop, limit)


def _mean_record(data: NDArray[np.uint8], region: Region) -> int:
    """Mean size of the first records; very large where the region does not begin with good ones."""
    heads, at, _ = _Walker(data, None).chain(region.begin, region.begin + _PROBE, region.end)
    return (at - region.begin) // len(heads) if len(heads) > 1 else _FAR


def _guessed_headers(data: NDArray[np.uint8], region: Region, window: int) -> NDArray[np.int64]:
    """The first offset with a valid length CRC behind every `_LANE_BYTES` bytes of the region."""
    first = region.begin + _LANE_BYTES
    count = (region.end - first) // _LANE_BYTES
    shape, strides = (count, window), (_LANE_BYTES, 1)
    sizes = np.ndarray(shape, "<u8", data, first, strides)
    row, column = np.nonzero(sizes <= np.uint64(0xFFFF))
    at = first + row * _LANE_BYTES + column
    good = short_lengths()[sizes[row, column].astype(np.int64)] == overlapping(data, "<u4")[at + 8]
    row, at = row[good], at[good]
    fresh = np.diff(row, prepend=-1) > 0
    found: NDArray[np.int64] = at[fresh]
    return found


_STOP, _SHORT, _BAD = "stop", "short", "bad"


class _Walker:
    """Follows the records of a page from the beginning of each region; what it finds is certain."""

    def __init__(self, data: NDArray[np.uint8], lanes: _Lanes | None) -> None:
        self.data = data
        self.sizes = overlapping(data, "<u8")
        self.lanes = lanes
        self.lane_at: dict[int, int] = {}
        if lanes is not None:
            walked = zip(lanes.begin, lanes.end, strict=True)
            self.lane_at = {begin: i for i, (begin, end) in enumerate(walked) if end > begin}
        self.known: dict[int, int] = {}

    def walk(self, region: Region) -> None:
        """Fill in what the region holds."""
        parts: list[NDArray[np.int64]] = []
        at = region.begin if region.lost_since is None else self._resume(region)
        while at < region.end and region.lost_since is None:
            if (lane := self.lane_at.get(at)) is not None and self.lanes is not None:
                parts.append(self.lanes.heads[self.lanes.cut[lane] : self.lanes.cut[lane + 1]])
                at = self.lanes.end[lane]
                continue
            heads, at, state = self.chain(at, self._next_lane(at, region.end), region.end)
            parts.append(np.array(heads, dtype=np.int64))
            if state == _STOP:
                continue
            if state == _SHORT and not region.last:
                if at + HEADER <= region.end:
                    region.begun, _ = _unpack_header(self.data.data, at)
                break
            following = self._find(at + 1, region.end)
            if following is None and not region.last:
                # With the damage at the front the next page shows the most of what follows it.
                if at == 0:
                    region.lost_since = region.offset
                    at = region.end - HEADER + 1
                break
            reach = region.end if following is None else following
            if self._mend(at, reach):
                parts.append(np.array([at]))
                _lose(region, at, reach, 0, "damaged record header, content recovered")
            elif following is None and not self.data[at:reach].any():
                _lose(region, at, reach, 0, "zeros at the end")
            elif following is None and state == _SHORT:
                _lose(region, at, reach, 1, "the last record is cut off")
            else:
                _lose(region, at, reach, 1, "damaged record header")
            at = reach
        region.stop = at
        found = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        region.start = found + HEADER
        region.length = self.sizes[found].astype(np.int64)

    def chain(self, at: int, stop: int, end: int) -> tuple[list[int], int, str]:
        """Header offsets from `at` up to `stop`, where the next one would be, and why the chain ended."""
        heads: list[int] = []
        view, known, last = self.data.data, self.known, end - HEADER
        while at < stop:
            if at > last:
                return heads, at, _SHORT
            length, crc = _unpack_header(view, at)
            if crc != known.get(length) and (crc != self._length_crc(length) or length > _FAR):
                return heads, at, _BAD
            after = at + FRAME + length
            if after > end:
                return heads, at, _SHORT
            heads.append(at)
            at = after
        return heads, at, _STOP

    def _length_crc(self, length: int) -> int:
        crc = masked_crc(length.to_bytes(8, "little"))
        if length <= _FAR:
            self.known[length] = crc
        return crc

    def _next_lane(self, at: int, end: int) -> int:
        if self.lanes is None:
            return end
        following = bisect_right(self.lanes.begin, at)
        return min(self.lanes.begin[following], end) if following < len(self.lanes.begin) else end

    def _resume(self, region: Region) -> int:
        """Back in step after damage that began on an earlier page."""
        lost_since = region.lost_since or 0
        at = self._find(region.begin, region.end)
        if at is None and not region.last:
            return max(region.end - HEADER + 1, region.begin)
        reach = region.end if at is None else at
        region.lost_since = None
        size = region.offset + reach - region.begin - lost_since
        region.losses.append(Loss(lost_since, size, 1, "damaged record header"))
        return reach

    def _find(self, at: int, end: int) -> int | None:
        """The next offset that begins with a length and its valid CRC."""
        crcs = overlapping(self.data[8:], "<u4")
        width = 1 << 10
        while at + HEADER <= end:
            stop = min(at + width, end - HEADER + 1)
            size = self.sizes[at:stop]
            place = np.flatnonzero((size <= np.uint64(_FAR)) & (size != 0))
            good = masked_crc_of_lengths(size[place]) == crcs[at + place]
            if good.any():
                return at + int(place[good.argmax()])
            at, width = stop, min(4 * width, 1 << 20)
        return None

    def _mend(self, at: int, reach: int) -> bool:
        """Whether one whole record with a valid payload fills the gap; its length is then put right."""
        length = reach - at - FRAME
        if length < 1:
            return False
        (crc,) = _unpack_crc(self.data.data, reach - 4)
        if masked_crc(self.data[at + HEADER : reach - 4]) != crc:
            return False
        self.data[at : at + 8] = np.frombuffer(length.to_bytes(8, "little"), dtype=np.uint8)
        return True


def _lose(region: Region, at: int, reach: int, records: int, what: str) -> None:
    region.losses.append(Loss(region.offset + at - region.begin, reach - at, records, what))
