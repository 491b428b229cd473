"""Finding the records of a page, and what is damaged between them.

Header follows header by a plain loop, or, where a page holds thousands of short records, in lockstep lanes that are
confirmed by the walk from the beginning. After damage the next offset whose length has a valid CRC is searched.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.eventfiles.crc32c import masked_crc, masked_crc_of_lengths, short_lengths
from traindiag.readers.eventfiles.framing import (
    FAR,
    FRAME,
    HEADER,
    Loss,
    Region,
    are_right,
    headers,
    overlapping,
)
from traindiag.readers.eventfiles.lanes import Lanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LANE_BYTES = 8 << 10
_LEAST_LANES = 32
_SHORT_RECORD = 512
_PROBE = 32 << 10
_FEW, _MANY = 64, 1 << 16
_unpack_header = Struct("<QI").unpack_from
_unpack_word = Struct("<I").unpack_from


def walk(data: NDArray[np.uint8], regions: list[Region]) -> None:
    """Find the records of every region; see `Region`'s attributes for what is filled in."""
    walker = _Walker(data, _lanes(data, regions))
    for region in regions:
        walker.walk(region)


def _lanes(data: NDArray[np.uint8], regions: list[Region]) -> Lanes | None:
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
    return Lanes(data, begin, stop, limit)


def _mean_record(data: NDArray[np.uint8], region: Region) -> int:
    """Mean size of the first records; very large where the region does not begin with good ones."""
    heads, at, _ = _Walker(data, None).chain(region.begin, region.begin + _PROBE, region.end)
    return (at - region.begin) // len(heads) if len(heads) > 1 else FAR


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

    def __init__(self, data: NDArray[np.uint8], lanes: Lanes | None) -> None:
        self.data = data
        self.sizes = overlapping(data, "<u8")
        self.lanes = lanes
        self.lane_at: dict[int, int] = {}
        if lanes is not None:
            walked = zip(lanes.begin, lanes.end, strict=True)
            self.lane_at = {begin: i for i, (begin, end) in enumerate(walked) if end > begin}

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
            parts.append(heads)
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

    def chain(self, at: int, stop: int, end: int) -> tuple[NDArray[np.int64], int, str]:
        """Header offsets from `at` up to `stop`, where the next one would be, and why the chain ended."""
        parts, most, last = [np.empty(0, dtype=np.int64)], _FEW, end - HEADER
        while at < stop and at <= last:
            hops = self._hops(at, min(stop, last + 1), most)
            heads = np.frombuffer(hops, dtype=np.int64)[:-1]
            found = headers(self.data, heads)
            good = are_right(found)
            whole = good & (heads + (FRAME + found["size"].astype(np.int64)) <= end)
            count = len(heads) if whole.all() else int(whole.argmin())
            parts.append(heads[:count])
            at = hops[count]
            if count < len(heads):
                return np.concatenate(parts), at, _SHORT if good[count] else _BAD
            # A length that is wrong leads astray: far only after many that were right.
            most = min(4 * most, _MANY)
        return np.concatenate(parts), at, _STOP if at >= stop else _SHORT

    def _hops(self, at: int, stop: int, most: int) -> array[int]:
        """Where headers are from `at` on, were every length on the way right; the last one is behind `stop`."""
        view, hops = self.data.data, array("q", [at])
        for _ in range(most):
            (size,) = _unpack_word(view, at)
            at += FRAME + size
            hops.append(at)
            if at >= stop:
                break
        return hops

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
            place = np.flatnonzero((size <= np.uint64(FAR)) & (size != 0))
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
        (crc,) = _unpack_word(self.data.data, reach - 4)
        if masked_crc(self.data[at + HEADER : reach - 4]) != crc:
            return False
        self.data[at : at + 8] = np.frombuffer(length.to_bytes(8, "little"), dtype=np.uint8)
        return True


def _lose(region: Region, at: int, reach: int, records: int, what: str) -> None:
    region.losses.append(Loss(region.offset + at - region.begin, reach - at, records, what))
