"""The records of event files, page by page.

Files are read in sequence into one reused page, several small ones side by side, large ones page after page; where
their records are the walker tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from traindiag.readers.eventfiles.framing import FRAME, HEADER, Page, Region
from traindiag.readers.eventfiles.walker import walk

if TYPE_CHECKING:
    pass

PAGE_BYTES = 8 << 20

_SPARE = 1024
"""Bytes of a page behind its data, so that look-ups near the end stay inside it."""
_PEEK = 4096


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
                walk(data, regions)
                _pass_over(file, region, page_bytes)
                yield Page(data, regions)
                rest = region.end - region.stop
                data[:rest] = data[region.stop : region.end].copy()
                offset, lost_since = region.offset + region.stop - region.begin, region.lost_since
                regions, begin, fill = [], 0, rest
    if regions:
        walk(data, regions)
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


def _pass_over(file: BinaryIO, region: Region, page_bytes: int) -> None:
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
    file.seek(offset + HEADER)
    region.large.append((offset, length, file.read(min(_PEEK, length))))
    file.seek(offset + length + FRAME)
    region.offset += length + FRAME - rest
    region.stop = region.end
