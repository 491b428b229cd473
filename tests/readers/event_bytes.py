"""A small writer of event files for tests: explicit about every byte, and free of TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

BEGIN = 1_700_000_000.0
Point = tuple[str, int, float]


def crc32c(data: bytes) -> int:
    """Masked CRC-32C, bit by bit as the definition has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(payload: bytes) -> bytes:
    header = struct.pack("<Q", len(payload))
    return header + struct.pack("<I", crc32c(header)) + payload + struct.pack("<I", crc32c(payload))


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def event(wall_time: float, step: int, rest: bytes = b"") -> bytes:
    at_step = b"\x10" + varint(step) if step else b""
    return record(b"\x09" + struct.pack("<d", wall_time) + at_step + rest)


def version(wall_time: float = BEGIN) -> bytes:
    return event(wall_time, 0, message(3, b"brain.Event:2"))


def summary(*values: bytes) -> bytes:
    return message(5, b"".join(message(1, value) for value in values))


def plugin(name: bytes, content: bytes = b"") -> bytes:
    return message(9, message(1, message(1, name) + (message(2, content) if content else b"")))


def simple(tag: bytes, value: float) -> bytes:
    with np.errstate(over="ignore"):
        return message(1, tag) + b"\x15" + np.float32(value).astype("<f4").tobytes()


def tensor(tag: bytes, dtype: int, content: bytes, shape: bytes = b"", name: bytes = b"scalars") -> bytes:
    """A tensor with `tensor_content`; `shape` is the bytes of the TensorShapeProto."""
    body = b"\x08" + bytes([dtype]) + message(2, shape) + message(4, content)
    return message(1, tag) + message(8, body) + plugin(name)


def float_tensor(tag: bytes, value: float) -> bytes:
    with np.errstate(over="ignore"):
        return tensor(tag, 1, np.float32(value).astype("<f4").tobytes())


def strings(tag: bytes, text: bytes, name: bytes = b"text") -> bytes:
    return message(1, tag) + message(8, b"\x08\x07\x12\x00" + message(8, text)) + plugin(name)


def histogram(tag: bytes, buckets: int) -> bytes:
    counts = message(7, struct.pack(f"<{buckets}d", *range(buckets)))
    return message(1, tag) + message(5, counts)


def image(tag: bytes, size: int) -> bytes:
    return message(1, tag) + message(4, message(4, b"\x89PNG" + bytes(i % 251 for i in range(size))))


def scalars(points: Iterable[Point], *, begin: float = BEGIN, tick: float = 1.0, tf2: bool = False) -> bytes:
    """Records of (tag, step, value), `tick` seconds apart."""
    encode = float_tensor if tf2 else simple
    return b"".join(
        event(begin + i * tick, step, summary(encode(tag.encode(), value)))
        for i, (tag, step, value) in enumerate(points)
    )
