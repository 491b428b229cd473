"""Layouts of records: rows of equally long records whose wall time, step and value lie in the same places.

The first record of a layout is decoded field by field (`protowire`) and becomes a template. Rows that agree with a
template in all other bytes have the same meaning by construction: their times, steps and values are three columns. The
checksum of the fixed bytes is known from the template, too, so that only the bytes that differ need looking up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.readers.eventfiles import crc32c, protowire

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MULTIPLIERS = np.cumprod(np.full(80, 0x9E3779B97F4A7C15, dtype=np.uint64), dtype=np.uint64)
"""Odd numbers without a pattern, one for each word of the longest row."""


class Shape:
    """Rows of one length whose wall time, step and value lie in the same places.

    Attributes:
        mask: uint64, shape (words,): the bits that tell the layout and the tag; 0 where values lie.
        key: per template, the masked words of `columns`.
        varying: those columns of `key` in which templates differ.
        tag: per template, the tag's index.
        crc: per template, the part of the CRC that the masked bytes make up.
    """

    def __init__(self, length: int, place: protowire.Place, step_at: tuple[int, int] | None) -> None:
        self.length = length
        self.place = place
        self.step_at = step_at
        mask = np.zeros(width_of(length), dtype=np.uint8)
        mask[:length] = 0xFF
        # The two highest bytes of a wall time change once in two years: they may as well be fixed.
        mask[1:7] = 0
        mask[place.begin : place.begin + protowire.size_of(place.dtype)] = 0
        if step_at is not None:
            mask[slice(*step_at)] = 0x80
        self.free = [int(i) for i in np.flatnonzero(mask[:length] != 0xFF)]
        self.free_bits = [0xFF ^ int(mask[i]) for i in self.free]
        words = mask.view("<u8")
        self.columns = [int(i) for i in np.flatnonzero(words)]
        self.mask = words[self.columns]
        self.known: dict[bytes, int] = {}
        self.varying: list[int] = []
        self.hashes = np.empty(0, dtype=np.uint64)
        self.by_hash = np.empty(0, dtype=np.int64)
        self.key = np.empty((0, len(self.columns)), dtype=np.uint64)
        self.tag = np.empty(0, dtype=np.int32)
        self.crc = np.empty(0, dtype=np.uint32)

    @property
    def identity(self) -> tuple[int, protowire.Place, tuple[int, int] | None]:
        return self.length, self.place, self.step_at

    def learn(self, row: NDArray[np.uint8], tag: int) -> bool:
        """Take a row as template; False when it is one already."""
        words = row.view("<u8")[self.columns] & self.mask
        if words.tobytes() in self.known:
            return False
        self.known[words.tobytes()] = len(self.known)
        fixed = row[: self.length].copy()
        fixed[self.free] &= np.array([~bits & 0xFF for bits in self.free_bits], dtype=np.uint8)
        crc = int(crc32c.raw_rows(fixed))
        self.key = np.vstack([self.key, words])
        self.tag = np.append(self.tag, np.int32(tag))
        self.crc = np.append(self.crc, np.uint32(crc ^ crc32c.start(self.length)))
        self.varying = [i for i in range(len(self.columns)) if np.any(self.key[:, i] != self.key[0, i])]
        mixed = _mix([self.key[:, i] for i in self.varying] or [self.key[:, 0]])
        self.by_hash = np.argsort(mixed)
        self.hashes = mixed[self.by_hash]
        return True

    def match(self, words: NDArray[np.uint64]) -> NDArray[np.int64] | int:
        """Per row the index of its template, -1 where there is none; 0 when all are the first one."""
        found: NDArray[np.int64] | int = 0
        if self.varying:
            mixed = _mix([words[:, self.columns[i]] & self.mask[i] for i in self.varying])
            found = self.by_hash[np.searchsorted(self.hashes[1:], mixed, side="right")]
        differs = np.zeros(len(words), dtype=np.uint64)
        for i, column in enumerate(self.columns):
            expected = self.key[:, i].take(found) if i in self.varying else self.key[0, i]
            differs |= (words[:, column] & self.mask[i]) ^ expected
        if isinstance(found, int) and not differs.any():
            return 0
        return np.where(differs == 0, found, -1)

    def checksum(self, rows: NDArray[np.uint8], template: Any) -> NDArray[np.uint32]:
        """The masked CRC-32C of rows of known template."""
        crc = self.crc[template] if isinstance(template, np.ndarray) else np.full(len(rows), self.crc[0])
        for column, bits in zip(self.free, self.free_bits, strict=True):
            byte = rows[:, column] if bits == 0xFF else rows[:, column] & np.uint8(bits)
            crc ^= crc32c.tables()[self.length - 1 - column].take(byte)
        out: NDArray[np.uint32] = crc32c.masked(crc)
        return out

    def steps(self, rows: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Shape (n,): the varints at `step_at`; 0 where the message has none."""
        step = np.zeros(len(rows), dtype=np.uint64)
        if self.step_at is not None:
            for shift, column in enumerate(range(*self.step_at)):
                step |= (rows[:, column] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * shift)
        return step.view(np.int64)

    def values(self, rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Shape (n,): the numbers at `place`."""
        dtype = protowire.DTYPES[self.place.dtype]
        if dtype == "bfloat16":
            upper = column_of(rows, self.place.begin, "<u2").astype(np.uint32) << np.uint32(16)
            return upper.view(np.float32).astype(np.float64)
        with np.errstate(invalid="ignore"):
            return column_of(rows, self.place.begin, dtype).astype(np.float64)


def _mix(columns: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """One hash a row of some columns of words."""
    mixed: NDArray[np.uint64] = columns[0] * _MULTIPLIERS[0]
    for column, odd in zip(columns[1:], _MULTIPLIERS[1:], strict=False):
        mixed += column * odd
    return mixed


def width_of(length: int) -> int:
    """Bytes of a row: the payload, its CRC, and what fills the last word."""
    return -(-(length + 4) // 8) * 8


def column_of(rows: NDArray[np.uint8], at: int, dtype: str) -> NDArray[Any]:
    """The numbers that begin at byte `at` of each row."""
    return np.ndarray((len(rows),), dtype, rows, at, (rows.strides[0],))
