"""CRC-32C, masked as TFRecord stores it, for many equally long records at once.

A CRC is linear over GF(2): started from zero, the CRC of a record is the exclusive or of one word per
byte, and that word depends only on the byte and on how many bytes follow it. So a column of bytes of
many records costs one table look-up and one exclusive or, and bytes known in advance cost nothing.

The polynomial is Castagnoli's (RFC 3720, appendix B.4), the mask that of TensorFlow's
``tensorflow/core/lib/hash/crc32c.h``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINE = 512
"""The most bytes of a row; longer data is taken in lines of this many."""

_LINES = 256
_PLACE = np.arange(LINE - 1, -1, -1) * 256
_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8


@cache
def tables() -> NDArray[np.uint32]:
    """Shape (512, 256): ``tables()[k, b]`` is what byte `b` with `k` bytes after it adds to the CRC."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = (first >> np.uint32(1)) ^ np.where(first & 1, np.uint32(0x82F63B78), np.uint32(0))
    out = np.empty((LINE, 256), dtype=np.uint32)
    out[0] = first
    for k in range(1, LINE):
        out[k] = (out[k - 1] >> np.uint32(8)) ^ first[out[k - 1] & np.uint32(0xFF)]
    return out


def advance(state: int, count: int) -> int:
    """The CRC state after `count` zero bytes, at most `LINE` of them."""
    # A state of four bytes acts like four bytes of data that come first.
    out = state >> 8 * count
    for i, table in enumerate(_advancing(count)):
        out ^= table[state >> 8 * i & 0xFF]
    return out


@cache
def _advancing(count: int) -> list[list[int]]:
    """What each of the four bytes of a state becomes after `count` more bytes."""
    rows: list[list[int]] = tables()[max(count - 4, 0) : count][::-1].tolist()
    return rows


def start(length: int) -> int:
    """What starting from all ones and inverting at the end add to the CRC of `length` <= `LINE` bytes."""
    return advance(_ONES, length) ^ _ONES


def masked(crc: Any) -> Any:
    """The form in which TFRecord stores a CRC: an int, or an array of uint32."""
    if isinstance(crc, np.ndarray):
        turned = (crc >> np.uint32(15)) | (crc << np.uint32(17))
        turned += np.uint32(_MASK_DELTA)
        return turned
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES


def raw_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The CRC of each row (along the last axis, at most `LINE` bytes), started from zero and not inverted."""
    words = tables().ravel().take(rows + _PLACE[LINE - rows.shape[-1] :])
    out: NDArray[np.uint32] = np.bitwise_xor.reduce(words, axis=-1)
    return out


def masked_crc(data: bytes | memoryview | NDArray[np.uint8]) -> int:
    """The masked CRC-32C of some bytes."""
    array = data if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
    state = _ONES
    whole = len(array) // LINE * LINE
    for begin in range(0, whole, _LINES * LINE):
        lines = array[begin : min(begin + _LINES * LINE, whole)].reshape(-1, LINE)
        for word in raw_rows(lines).tolist():
            state = advance(state, LINE) ^ word
    if whole < len(array):
        rest = array[whole:]
        state = advance(state, len(rest)) ^ int(raw_rows(rest))
    return int(masked(state ^ _ONES))


def masked_crc_of_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The masked CRC-32C of each row; rows have shape (n, length) with length <= `LINE`."""
    count, length = rows.shape
    crc = np.full(count, start(length), dtype=np.uint32)
    for column in range(length):
        crc ^= tables()[length - 1 - column].take(rows[:, column])
    out: NDArray[np.uint32] = masked(crc)
    return out


def masked_crc_of_lengths(length: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """The masked CRC-32C of each length written as TFRecord does, in eight bytes."""
    rows = np.ascontiguousarray(length, dtype="<u8").view(np.uint8).reshape(len(length), 8)
    return masked_crc_of_rows(rows)


@cache
def short_lengths() -> NDArray[np.uint32]:
    """Shape (65536,): the masked CRC of every length below 65536."""
    return masked_crc_of_lengths(np.arange(1 << 16, dtype=np.uint64))
