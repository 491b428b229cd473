"""Records decoded one by one: what repeats no layout, and what is no point at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from traindiag.readers.eventfiles import crc32c, protowire
from traindiag.readers.eventfiles.eventfile import EventFile
from traindiag.readers.eventfiles.framing import FRAME, Loss
from traindiag.readers.eventfiles.histograms import MARK, statistics

_MOST_ALIKE = 256
_MAX_JSON = 8 << 20
_SCALAR_PLUGINS = (b"", b"scalars")


class Record(NamedTuple):
    """One record.

    Attributes:
        slot: its place among the records that are decoded together.
        file: number of the file.
        offset: of its header in the file.
        payload: its bytes.
        stored: its checksum as stored; None when that has been compared.
    """

    slot: int
    file: int
    offset: int
    payload: bytes
    stored: int | None


class Point(NamedTuple):
    """A value of the record at `slot`; `tag` is the tag's number."""

    slot: int
    tag: int
    step: int
    wall_time: float
    value: float


class Singles:
    """Decodes records field by field.

    Args:
        file: gives the file of a number, to note what its records tell.
        verify: whether checksums are compared.
        histograms: whether they are reduced to statistics.

    Attributes:
        tags: the number of each tag.
        points: the points found since this list was last taken.
    """

    def __init__(self, file: Callable[[int], EventFile], *, verify: bool, histograms: bool) -> None:
        self.file = file
        self.verify = verify
        self.histograms = histograms
        self.tags: dict[bytes, int] = {}
        self.points: list[Point] = []
        self._pointless: dict[bytes, protowire.Event] = {}

    def tag_index(self, tag: bytes) -> int:
        """The number of a tag, a new one for a new tag."""
        return self.tags.setdefault(tag, len(self.tags))

    def read(self, record: Record) -> protowire.Event | None:
        """Decode a record and keep what it holds; None when it is damaged."""
        payload = record.payload
        if self.verify and record.stored is not None and crc32c.masked_crc(payload) != record.stored:
            self.damaged(record)
            return None
        # Files begin alike: what holds no point means the same again whenever it was written.
        alike = payload[9:] if payload[:1] == b"\x09" else payload
        event = self._pointless.get(alike)
        if event is None:
            try:
                event = protowire.event(payload)
            except protowire.WireError:
                self.damaged(record, "a record that is no event")
                return None
            bare = not event.values or not (self.histograms or any(map(is_point, event.values)))
            if bare and len(self._pointless) < _MOST_ALIKE:
                self._pointless[alike] = event
        self._keep(record, event)
        return event

    def damaged(self, record: Record, what: str = "payload checksum does not match") -> None:
        """Note that a record is lost."""
        self.file(record.file).lose(Loss(record.offset, len(record.payload) + FRAME, 1, what))

    def _keep(self, record: Record, event: protowire.Event) -> None:
        file = self.file(record.file)
        file.version = file.version or event.version
        if event.session == 1:
            file.starts.append(event.step)
        for value in event.values:
            if is_point(value):
                assert value.number is not None
                self._point(record, event, value.tag, value.number)
            elif value.tag == b"keras" and value.strings and len(value.strings[0]) <= _MAX_JSON:
                file.keras = value.strings[0]
            elif value.plugin == b"hparams":
                _add_hparams(file, value.content)
            elif self.histograms and (found := statistics(record.payload, value)) is not None:
                for name, number in found._asdict().items():
                    if number is not None:
                        self._point(record, event, value.tag + f"{MARK}{name}".encode(), number)

    def _point(self, record: Record, event: protowire.Event, tag: bytes, number: float) -> None:
        self.points.append(Point(record.slot, self.tag_index(tag), event.step, event.wall_time, number))


def is_point(value: protowire.Value) -> bool:
    """Whether a value of a summary is a scalar."""
    return value.number is not None and value.plugin in _SCALAR_PLUGINS


def _add_hparams(file: EventFile, content: bytes) -> None:
    try:
        file.hparams.update(protowire.hparams(content))
    except protowire.WireError:
        file.notes.append("hyper-parameters that cannot be decoded")
