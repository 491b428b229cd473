"""TFRecord framing: what a record is made of, and what is known of the records of a page.

A record is its length (8 bytes), the masked CRC of the length (4), the payload, the masked CRC of the
payload (4); all little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.readers.eventfiles.crc32c import masked_crc_of_lengths, short_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = 12
FRAME = 16
"""Bytes of a record beside its payload."""
HEAD = np.dtype(
    {
        "names": ["size", "low", "crc"],
        "formats": ["<u8", "<u4", "<u4"],
        "offsets": [0, 0, 8],
        "itemsize": 16,
    }
)
"""A header, and four bytes more that keep lengths aligned; `low` is the lower half of `size`."""
FAR = 1 << 40
"""A longer record is taken for damage; no file system log holds one."""


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


def headers(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[Any]:
    """The headers at some places, as an array of `HEAD` of the same shape; there must be `FRAME` bytes behind each."""
    return overlapping(data, f"V{HEAD.itemsize}")[at].view(HEAD)


def are_right(heads: NDArray[Any]) -> NDArray[np.bool_]:
    """Which headers have the checksum of their length."""
    size, crc = heads["size"], heads["crc"]
    good: NDArray[np.bool_] = short_lengths()[size.astype(np.uint16)] == crc
    long = size > 0xFFFF
    if long.any():
        good[long] = (masked_crc_of_lengths(size[long]) == crc[long]) & (size[long] <= FAR)
    return good
