"""The scalars of event files, tag by tag."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from traindiag.readers.eventfiles.bulk import passed_over
from traindiag.readers.eventfiles.decoding import Decoder
from traindiag.readers.eventfiles.eventfile import EventFile, Scalars
from traindiag.readers.eventfiles.framing import FRAME, HEADER, Loss, Page, Region, overlapping
from traindiag.readers.eventfiles.pages import PAGE_BYTES, pages
from traindiag.readers.eventfiles.rows import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_event_files(
    files: Iterable[BinaryIO], *, verify: bool = True, histograms: bool = False, page_bytes: int = PAGE_BYTES
) -> list[EventFile]:
    """Read event files together: small ones share pages, and layouts are learnt once.

    Args:
        files: unbuffered binary files at their beginning; each is closed after it is read.
        verify: whether the checksums of payloads are compared (those of lengths always are).
        histograms: whether they are reduced to statistics, each a tag of its own (see `histograms.MARK`).
        page_bytes: how much is read at once.
    """
    collector = _Collector(verify, histograms)
    opened = 0

    def counted() -> Iterator[BinaryIO]:
        nonlocal opened
        for file in files:
            opened += 1
            yield file

    for page in pages(counted(), page_bytes):
        collector.add(page)
    return collector.finish(opened)


class _Collector:
    """Has the records of pages decoded and keeps what each file holds until all are read."""

    def __init__(self, verify: bool, histograms: bool) -> None:
        self.histograms = histograms
        self.files: dict[int, EventFile] = {}
        self.digests: dict[int, hashlib.blake2b] = {}
        self.decoder = Decoder(self.file, verify=verify, histograms=histograms)

    def file(self, index: int) -> EventFile:
        """What is known of a file."""
        found = self.files.get(index)
        if found is None:
            found = self.files[index] = EventFile()
        return found

    def add(self, page: Page) -> None:
        """Decode the records of a page."""
        for region in page.regions:
            known = self.file(region.file)
            known.records += len(region.start)
            for loss in region.losses:
                known.lose(loss)
            for offset, size, head in region.large:
                if not _is_bulk(head, size, histograms=False):
                    known.lose(Loss(offset, size + FRAME, 1, "record too large to be read"))
                elif self.histograms and not _is_bulk(head, size, histograms=True):
                    known.notes.append(f"a histogram of {size:,} bytes is too large to be read")
        start = np.concatenate([region.start for region in page.regions])
        length = np.concatenate([region.length for region in page.regions])
        counts = [len(region.start) for region in page.regions]
        self._digest(page.regions, overlapping(page.data, "<u4")[start + length], np.cumsum(counts).tolist())
        file = np.repeat(np.array([region.file for region in page.regions], dtype=np.int32), counts)
        shift = np.repeat([region.offset - region.begin - HEADER for region in page.regions], counts)
        self.decoder.add(page.data, start, length, file, start + shift)

    def _digest(self, regions: list[Region], stored: NDArray[np.uint32], ends: list[int]) -> None:
        """Records carry checksums of their bytes: hashing those is enough, and quick."""
        begin = 0
        for region, end in zip(regions, ends, strict=True):
            digest = self.digests.get(region.file)
            if digest is None:
                digest = self.digests[region.file] = hashlib.blake2b(digest_size=16)
            digest.update(stored[begin:end].data)
            if region.losses:
                digest.update(repr(region.losses).encode())
            begin = end

    def finish(self, count: int) -> list[EventFile]:
        """All files, in their order, with their points sorted by tag."""
        out = [self.file(index) for index in range(count)]
        for index, digest in self.digests.items():
            out[index].digest = digest.digest()
        in_order = not self.decoder.extra
        columns = self.decoder.take()
        if columns is not None:
            self._hand_out(out, columns, in_order=in_order)
        return out

    def _hand_out(self, out: list[EventFile], columns: Columns, *, in_order: bool) -> None:
        file, tag, step, wall_time, value, order = columns
        names = _names(self.decoder.tags)
        key = file.astype(np.int64) * len(names) + tag if len(out) > 1 else tag
        if in_order:
            small = len(out) * len(names) < 1 << 16
            by_key = np.argsort(key.astype(np.uint16) if small else key, kind="stable")
        else:
            by_key = np.lexsort((order, key))
        step, wall_time, value, order = step[by_key], wall_time[by_key], value[by_key], order[by_key]
        counts = np.bincount(key)
        keys = np.flatnonzero(counts)
        ends = np.cumsum(counts[keys])
        begins = ends - counts[keys]
        # Tags appear in the order of their first record, file by file.
        for i in np.lexsort((order[begins], keys // len(names))).tolist():
            index, name = divmod(int(keys[i]), len(names))
            part = slice(int(begins[i]), int(ends[i]))
            target = out[index]
            target.scalars[names[name][0]] = Scalars(step[part], wall_time[part], value[part], order[part])
            if names[name][1]:
                target.notes.append(f"tag {names[name][0]!r} is not UTF-8")


def _names(tags: Iterable[bytes]) -> list[tuple[str, bool]]:
    """Each tag as text, and whether bytes that are no UTF-8 had to be replaced; all different."""
    out: dict[str, bool] = {}
    for tag in tags:
        try:
            name, replaced = tag.decode(), False
        except UnicodeDecodeError:
            name, replaced = tag.decode("utf-8", "replace"), True
        while name in out:
            name, replaced = name + "\ufffd", True
        out[name] = replaced
    return list(out.items())


def _is_bulk(head: bytes, length: int, *, histograms: bool) -> bool:
    """Whether a record of which only the first bytes are at hand surely holds no scalar."""
    data = np.frombuffer(head or b"\0", dtype=np.uint8)
    return bool(passed_over(data, np.array([0]), np.array([length]), histograms=histograms)[0])
