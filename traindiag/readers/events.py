"""Scalars of TensorBoard event files, decoded by the column.

Records of one length mostly repeat a few layouts: the same bytes but for wall time, step and value. These are read
by the column (`layouts`). What fits no layout is decoded one by one (`protowire`); images, histograms and graphs
are told by their first bytes and passed over (`bulk`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from traindiag.readers import crc32c, protowire
from traindiag.readers.bulk import passed_over
from traindiag.readers.framing import FRAME, HEADER, Loss, Page, Region, overlapping
from traindiag.readers.histograms import MARK, statistics
from traindiag.readers.layouts import Shape, column_of, width_of
from traindiag.readers.tfrecord import PAGE_BYTES, pages

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORT = crc32c.LINE
"""Records up to this many bytes are checked and decoded as rows; no scalar of a usual writer is longer."""

_BLOCK = 1 << 16
_MOST_SEEDS = 32
_LEAST_YIELD = 4
_MOST_ALIKE = 256
_MOST_LOSSES = 1000
_MAX_JSON = 8 << 20
_SCALAR_PLUGINS = (b"", b"scalars")


@dataclass(frozen=True, slots=True, eq=False)
class Scalars:
    """The points of one tag of one file, in the order of the file.

    Attributes:
        step: int64, shape (n,).
        wall_time: float64 seconds, shape (n,).
        value: float64, shape (n,).
        order: int64, shape (n,), ascending: the number of the record among all records read.
    """

    step: NDArray[np.int64]
    wall_time: NDArray[np.float64]
    value: NDArray[np.float64]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)


@dataclass(slots=True, eq=False)
class EventFile:
    """What one event file holds.

    Attributes:
        scalars: by tag, in the order of first appearance.
        losses: what could not be read; from the thousandth place on summed up in the last entry.
        records: how many records were read.
        version: ``brain.Event:2``; empty when the file does not say.
        starts: steps at which a session log says that a session started.
        keras: the JSON that Keras' TensorBoard callback writes of the model; None when there is none.
        hparams: hyper-parameters of the hparams plugin.
        notes: what was unusual, in few words.
        digest: over the checksums of all records, 16 bytes.
    """

    scalars: dict[str, Scalars] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    records: int = 0
    version: str = ""
    starts: list[int] = field(default_factory=list)
    keras: bytes | None = None
    hparams: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    digest: bytes = b""

    def lose(self, loss: Loss) -> None:
        """Note some damage."""
        if len(self.losses) < _MOST_LOSSES:
            self.losses.append(loss)
            return
        last = self.losses[-1]
        self.losses[-1] = Loss(
            last.offset, last.size + loss.size, last.records + loss.records, "further damage"
        )


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


# --- collecting ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Block:
    """Decoded columns of some records in file order; `tag` is -1 where a record has no (single) scalar."""

    file: NDArray[np.int32]
    tag: NDArray[np.int32]
    step: NDArray[np.int64]
    wall_time: NDArray[np.float64]
    value: NDArray[np.float64]


class _Collector:
    """Decodes pages and keeps what they hold until all files are read."""

    def __init__(self, verify: bool, histograms: bool) -> None:
        self.verify = verify
        self.histograms = histograms
        self.tags: dict[bytes, int] = {}
        self.shapes: dict[int, list[Shape]] = {}
        self.files: dict[int, EventFile] = {}
        self.digests: dict[int, hashlib.blake2b] = {}
        self.columns: list[tuple[NDArray[Any], ...]] = []
        self.extra: list[tuple[int, int, int, float, float, int]] = []
        self.records = 0
        self.pointless: dict[bytes, protowire.Event] = {}

    def file(self, index: int) -> EventFile:
        return self.files.setdefault(index, EventFile())

    def add(self, page: Page) -> None:
        """Decode the records of a page."""
        for region in page.regions:
            known = self.file(region.file)
            for loss in region.losses:
                known.lose(loss)
            for offset, size, head in region.large:
                if not _is_bulk(head, size):
                    known.lose(Loss(offset, size + FRAME, 1, "record too large to be read"))
            known.records += len(region.start)
        start = np.concatenate([region.start for region in page.regions])
        length = np.concatenate([region.length for region in page.regions])
        counts = [len(region.start) for region in page.regions]
        self._digest(page.regions, overlapping(page.data, "<u4")[start + length], np.cumsum(counts).tolist())
        file = np.repeat(np.array([region.file for region in page.regions], dtype=np.int32), counts)
        shift = np.repeat(np.array([region.offset - region.begin for region in page.regions]), counts)
        for begin in range(0, len(start), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            self._add_block(page.data, start[part], length[part], file[part], shift[part])

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

    def _add_block(
        self,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        length: NDArray[np.int64],
        file: NDArray[np.int32],
        shift: NDArray[np.int64],
    ) -> None:
        decoder = _BlockDecoder(self, data, start, length, file, shift)
        decoder.decode()
        kept = np.flatnonzero(decoder.tag >= 0)
        order = kept + self.records
        columns = file, decoder.tag, decoder.step, decoder.wall_time, decoder.value
        if len(kept) < len(start):
            columns = tuple(column[kept] for column in columns)  # type: ignore[assignment]
        self.columns.append((*columns, order))
        self.records += len(start)

    def tag_index(self, tag: bytes) -> int:
        return self.tags.setdefault(tag, len(self.tags))

    def finish(self, count: int) -> list[EventFile]:
        """All files, in their order, with their points sorted by tag."""
        out = [self.file(index) for index in range(count)]
        for index, digest in self.digests.items():
            out[index].digest = digest.digest()
        columns = [np.concatenate(parts) for parts in zip(*self.columns, strict=True)] if self.columns else []
        self.columns.clear()
        if self.extra:
            extra = [np.array(part) for part in zip(*self.extra, strict=True)]
            kinds = (np.int32, np.int32, np.int64, np.float64, np.float64, np.int64)
            columns = [
                np.concatenate([old, new.astype(kind)])
                for old, new, kind in zip(columns, extra, kinds, strict=True)
            ]
        if not columns or not len(columns[0]):
            return out
        self._hand_out(out, columns)
        return out

    def _hand_out(self, out: list[EventFile], columns: list[NDArray[Any]]) -> None:
        file, tag, step, wall_time, value, order = columns
        names = _names(self.tags)
        key = file.astype(np.int64) * len(names) + tag if len(out) > 1 else tag
        if self.extra:
            by_key = np.lexsort((order, key))
        else:
            small = len(out) * len(names) < 1 << 16
            by_key = np.argsort(key.astype(np.uint16) if small else key, kind="stable")
        step, wall_time, value, order = (x[by_key] for x in (step, wall_time, value, order))
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


class _BlockDecoder:
    """Decodes one block of records; the arrays it fills have one entry a record."""

    def __init__(
        self,
        collector: _Collector,
        data: NDArray[np.uint8],
        start: NDArray[np.int64],
        length: NDArray[np.int64],
        file: NDArray[np.int32],
        shift: NDArray[np.int64],
    ) -> None:
        self.collector = collector
        self.data, self.start, self.length = data, start, length
        self.file, self.shift = file, shift
        self.tag = np.full(len(start), -1, dtype=np.int32)
        self.step = np.empty(len(start), dtype=np.int64)
        self.wall_time = np.empty(len(start), dtype=np.float64)
        self.value = np.empty(len(start), dtype=np.float64)

    def decode(self) -> None:
        """Short records by rows of equal length, the others by their first bytes."""
        clipped = np.minimum(self.length, SHORT + 1).astype(np.uint16)
        by_length = np.argsort(clipped, kind="stable")
        counts = np.bincount(clipped, minlength=SHORT + 2)
        ends = np.cumsum(counts)
        for length in np.flatnonzero(counts[: SHORT + 1]).tolist():
            self._rows(length, by_length[ends[length] - counts[length] : ends[length]])
        long = by_length[ends[SHORT] :]
        if len(long):
            for i in long[~self._passed_over(long)].tolist():
                self._single(i, checked=False)

    def _rows(self, length: int, index: NDArray[np.intp]) -> None:
        """Records of one length: match them with templates, learn new ones from what is left over."""
        shapes = self.collector.shapes.setdefault(length, [])
        count, learnt, seeds = len(index), 0, 2
        while len(index):
            for shape in tuple(shapes):
                before = len(index)
                index = self._unmatched(shape, index)
                if len(index) < before:  # Most likely the next records match the same.
                    shapes.remove(shape)
                    shapes.insert(0, shape)
                if not len(index):
                    return
            # Where templates serve few rows each, the plain way is as quick.
            if learnt >= _MOST_SEEDS and count - len(index) < _LEAST_YIELD * learnt:
                break
            fresh = sum(self._learn(i, shapes) for i in index[:seeds].tolist())
            index = index[seeds:]
            if not fresh:
                break
            learnt += fresh
            seeds = min(2 * seeds, _MOST_SEEDS)
        if len(index):
            self._rare(length, index)

    def _row_bytes(self, length: int, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Shape (n, width): payload, checksum and some bytes of what follows."""
        width = width_of(length)
        rows = overlapping(self.data, f"V{width}")[self.start[index]]
        return rows.view(np.uint8).reshape(-1, width)

    def _unmatched(self, shape: Shape, index: NDArray[np.intp]) -> NDArray[np.intp]:
        """Decode the records that match the shape's templates; the others are handed back."""
        if not len(index):
            return index
        rows = self._row_bytes(shape.length, index)
        template = shape.match(rows.view("<u8"))
        left = index[:0]
        if isinstance(template, np.ndarray) and (other := template < 0).any():
            left = index[other]
            rows, index, template = rows[~other], index[~other], template[~other]
        if not len(index):
            return left
        if self.collector.verify:
            stored = column_of(rows, shape.length, "<u4")
            if (bad := shape.checksum(rows, template) != stored).any():
                self._damaged(index[bad])
                rows, index = rows[~bad], index[~bad]
                template = template[~bad] if isinstance(template, np.ndarray) else template
        if not len(index):
            return left
        self.tag[index] = shape.tag[template]
        self.step[index] = shape.steps(rows)
        self.wall_time[index] = column_of(rows, 1, "<f8")
        self.value[index] = shape.values(rows)
        return left

    def _learn(self, i: int, shapes: list[Shape]) -> bool:
        """Decode one record the plain way; True when it is a new template for others."""
        event = self._single(i)
        if event is None or not _is_regular(event):
            return False
        value = event.values[0]
        assert value.place is not None
        fresh = Shape(int(self.length[i]), value.place, event.step_at)
        shape = next((known for known in shapes if known.identity == fresh.identity), fresh)
        if shape is fresh:
            shapes.append(fresh)
        row = self._row_bytes(shape.length, np.array([i]))[0]
        return shape.learn(row, self.collector.tag_index(value.tag))

    def _rare(self, length: int, index: NDArray[np.intp]) -> None:
        """Records of one length that repeat no layout."""
        if self.collector.verify:
            rows = self._row_bytes(length, index)
            bad = crc32c.masked_crc_of_rows(rows[:, :length]) != column_of(rows, length, "<u4")
            self._damaged(index[bad])
            index = index[~bad]
        index = index[~self._passed_over(index)]
        for i in index.tolist():
            self._single(i, checked=True)

    def _passed_over(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        start, length = self.start[index], self.length[index]
        return passed_over(self.data, start, length, histograms=self.collector.histograms)

    def _single(self, i: int, checked: bool = False) -> protowire.Event | None:
        """Decode one record field by field and keep what it holds; None when it is damaged."""
        begin, end = int(self.start[i]), int(self.start[i] + self.length[i])
        payload = self.data[begin:end].tobytes()
        if self.collector.verify and not checked:
            stored = int.from_bytes(self.data[end : end + 4].tobytes(), "little")
            if crc32c.masked_crc(payload) != stored:
                self._damaged(np.array([i]))
                return None
        # Files begin alike: what holds no point means the same again whenever it was written.
        alike = payload[9:] if payload[:1] == b"\x09" else payload
        event = self.collector.pointless.get(alike)
        if event is None:
            try:
                event = protowire.event(payload)
            except protowire.WireError:
                self._damaged(np.array([i]), "a record that is no event")
                return None
            bare = not event.values or not (self.collector.histograms or any(map(_is_point, event.values)))
            if bare and len(self.collector.pointless) < _MOST_ALIKE:
                self.collector.pointless[alike] = event
        self._keep(i, event, payload)
        return event

    def _keep(self, i: int, event: protowire.Event, payload: bytes) -> None:
        file = self.collector.file(int(self.file[i]))
        file.version = file.version or event.version
        if event.session == 1:
            file.starts.append(event.step)
        for value in event.values:
            if _is_point(value):
                assert value.number is not None
                self._point(i, event, value.tag, value.number)
            elif value.tag == b"keras" and value.strings and len(value.strings[0]) <= _MAX_JSON:
                file.keras = value.strings[0]
            elif value.plugin == b"hparams":
                _add_hparams(file, value.content)
            elif self.collector.histograms and (found := statistics(payload, value)) is not None:
                for name, number in found._asdict().items():
                    if number is not None:
                        self._point(i, event, value.tag + f"{MARK}{name}".encode(), number)

    def _point(self, i: int, event: protowire.Event, name: bytes, number: float) -> None:
        tag = self.collector.tag_index(name)
        if self.tag[i] < 0:
            self.tag[i], self.step[i] = tag, event.step
            self.wall_time[i], self.value[i] = event.wall_time, number
            return
        order = self.collector.records + i
        self.collector.extra.append((int(self.file[i]), tag, event.step, event.wall_time, number, order))

    def _damaged(self, index: NDArray[np.intp], what: str = "payload checksum does not match") -> None:
        for i in index.tolist():
            offset = int(self.start[i] + self.shift[i]) - HEADER
            loss = Loss(offset, int(self.length[i]) + FRAME, 1, what)
            self.collector.file(int(self.file[i])).lose(loss)


def _is_bulk(head: bytes, length: int) -> bool:
    """Whether a record of which only the first bytes are at hand surely holds no scalar."""
    data = np.frombuffer(head or b"\0", dtype=np.uint8)
    return bool(passed_over(data, np.array([0]), np.array([length]))[0])


def _is_point(value: protowire.Value) -> bool:
    return value.number is not None and value.plugin in _SCALAR_PLUGINS


def _is_regular(event: protowire.Event) -> bool:
    """Whether records of the same bytes but for time, step and value mean the same."""
    if not event.plain or event.wall_at != 1 or len(event.values) != 1:
        return False
    value = event.values[0]
    return not event.version and event.session is None and value.place is not None and _is_point(value)


def _add_hparams(file: EventFile, content: bytes) -> None:
    try:
        file.hparams.update(protowire.hparams(content))
    except protowire.WireError:
        file.notes.append("hyper-parameters that cannot be decoded")
