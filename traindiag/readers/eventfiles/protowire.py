"""The protobuf wire format, and TensorFlow's Event message in it, one message at a time.

This is the plain and complete way to decode an event. `events.py` uses it on the first record of every
layout and on rare ones; the millions that repeat a layout are decoded there by the column.

Messages and field numbers are those of TensorFlow's ``event.proto``, ``summary.proto``, ``tensor.proto``
and ``types.proto``, and of the hparams plugin's ``plugin_data.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_double = Struct("<d").unpack_from


class WireError(ValueError):
    """The bytes are not the message they should be."""


class Field(NamedTuple):
    """One field of a message: its number, its wire type, its value if a varint, and where its bytes lie."""

    number: int
    wire: int
    varint: int
    begin: int
    end: int


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned varint of at most 64 bits, and the place behind it."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise WireError("a varint without an end")


def fields(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """The fields of the message in ``data[begin:end]``, in order.

    Raises:
        WireError: a field does not fit the message, or has a wire type no writer uses.
    """
    at = begin
    while at < end:
        key, at = varint(data, at, end)
        number, wire = key >> 3, key & 7
        start, value = at, 0
        if wire == VARINT:
            value, at = varint(data, at, end)
        elif wire == BYTES:
            size, start = varint(data, at, end)
            at = start + size
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise WireError("a wire type no writer uses")
        if at > end or number == 0:
            raise WireError("a field that does not fit its message")
        yield Field(number, wire, value, start, at)


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >> 63 else value


# --- messages ----------------------------------------------------------------------------------

DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "|b1", 14: "bfloat16",
    17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
"""Numeric types of tensors by their number in ``types.proto``; bfloat16 is the upper half of a float."""
STRING = 7
_HALVES = {14, 19}
_PACKED = {5: "<f4", 6: "<f8"}
_VAL_FIELDS = {5, 6, 7, 10, 11, 13, 16, 17}


class Place(NamedTuple):
    """Where a number lies in the message, and its type: a key of `DTYPES`."""

    begin: int
    dtype: int


@dataclass(slots=True)
class Value:
    """One ``Summary.Value``.

    Attributes:
        tag: raw bytes.
        kind: field number of what is set: 2 simple_value, 4 image, 5 histo, 6 audio, 8 tensor; 0 nothing.
        number: the scalar; None when it is none.
        place: where its bytes lie when they are of fixed size and there once.
        strings: the elements of a string tensor.
        plugin, content: name and data of the plugin that owns the value.
        body: where the bytes of a histogram or a tensor lie.
    """

    tag: bytes = b""
    kind: int = 0
    number: float | None = None
    place: Place | None = None
    strings: list[bytes] = field(default_factory=list)
    plugin: bytes = b""
    content: bytes = b""
    body: tuple[int, int] | None = None


@dataclass(slots=True)
class Event:
    """One ``Event``.

    Attributes:
        wall_time, step: as in the message; 0 where absent.
        values: of its summary.
        version: of the file, in the first event.
        session: status of a session log (1 is START); None when there is none.
        wall_at, step_at: where their bytes lie; `step_at` begins and ends a varint, or is None.
        plain: each field is there at most once, so that places tell everything.
    """

    wall_time: float = 0.0
    step: int = 0
    values: list[Value] = field(default_factory=list)
    version: str = ""
    session: int | None = None
    wall_at: int | None = None
    step_at: tuple[int, int] | None = None
    plain: bool = True


def event(data: bytes) -> Event:
    """Decode an Event.

    Raises:
        WireError: the bytes are no Event.
    """
    out = Event()
    seen = set()
    for number, wire, value, begin, end in fields(data, 0, len(data)):
        out.plain &= number not in seen
        seen.add(number)
        expected = _EVENT_WIRE.get(number)
        if expected is not None and wire != expected:
            raise WireError("an Event's field of a wrong type")
        if number == 1:
            (out.wall_time,) = _double(data, begin)
            out.wall_at = begin
        elif number == 2:
            out.step, out.step_at = signed(value), (begin, end)
        elif number == 3:
            out.version = data[begin:end].decode("utf-8", "replace")
        elif number == 5:
            out.values += [
                _value(data, part.begin, part.end)
                for part in fields(data, begin, end)
                if part.number == 1 and part.wire == BYTES
            ]
        elif number == 7:
            status = [part.varint for part in fields(data, begin, end) if part.number == 1]
            out.session = status[-1] if status else 0
    if data and not seen & _EVENT_WIRE.keys():
        raise WireError("no field of an Event")
    return out


_EVENT_WIRE = {
    1: FIXED64, 2: VARINT, 3: BYTES, 4: BYTES, 5: BYTES, 6: BYTES, 7: BYTES, 8: BYTES, 9: BYTES, 10: BYTES,
}  # fmt: skip


def _value(data: bytes, begin: int, end: int) -> Value:
    out = Value()
    tensor = None
    for number, wire, _, start, stop in fields(data, begin, end):
        if number == 1 and wire == BYTES:
            out.tag = data[start:stop]
        elif number == 2 and wire == FIXED32:
            out.kind, out.place = number, Place(start, 1)
        elif number in (3, 4, 5, 6) and wire == BYTES:
            out.kind, out.body = number, (start, stop)
        elif number == 8 and wire == BYTES:
            out.kind, out.body = number, (start, stop)
            tensor = start, stop
        elif number == 9 and wire == BYTES:
            out.plugin, out.content = _plugin(data, start, stop)
    if out.kind == 2 and out.place is not None:
        out.number = number_at(data, out.place)
    elif out.kind == 8 and tensor is not None:
        _tensor(data, *tensor, out)
    return out


def number_at(data: bytes, place: Place) -> float:
    """The number at a place, as float64."""
    if DTYPES[place.dtype] == "bfloat16":
        word = int.from_bytes(data[place.begin : place.begin + 2], "little") << 16
        return float(np.uint32(word).view(np.float32))
    return float(np.frombuffer(data, DTYPES[place.dtype], 1, place.begin)[0])


def size_of(dtype: int) -> int:
    """Bytes of one number of a tensor type."""
    return 2 if DTYPES[dtype] == "bfloat16" else np.dtype(DTYPES[dtype]).itemsize


def _plugin(data: bytes, begin: int, end: int) -> tuple[bytes, bytes]:
    """Name and content of ``SummaryMetadata.plugin_data``."""
    name = content = b""
    for part in fields(data, begin, end):
        if part.number == 1 and part.wire == BYTES:
            for inner in fields(data, part.begin, part.end):
                if inner.number == 1 and inner.wire == BYTES:
                    name = data[inner.begin : inner.end]
                elif inner.number == 2 and inner.wire == BYTES:
                    content = data[inner.begin : inner.end]
    return name, content


def _tensor(data: bytes, begin: int, end: int, out: Value) -> None:
    """Set `number` and `place`, or `strings`, from a TensorProto."""
    dtype = 0
    elements = 1
    packed: Field | None = None
    numbers: list[Field] = []
    for part in fields(data, begin, end):
        if part.number == 1 and part.wire == VARINT:
            dtype = part.varint
        elif part.number == 2 and part.wire == BYTES:
            elements = _elements(data, part.begin, part.end)
        elif part.number == 4 and part.wire == BYTES:
            packed = part
        elif part.number == 8 and part.wire == BYTES:
            out.strings.append(data[part.begin : part.end])
        elif part.number in _VAL_FIELDS and part.end > part.begin:
            numbers.append(part)
    if dtype not in DTYPES or elements != 1:
        return
    size = size_of(dtype)
    if packed is not None and packed.end - packed.begin == size:
        out.place = Place(packed.begin, dtype)
        out.number = number_at(data, out.place)
    elif packed is None or packed.end == packed.begin:
        _number_of_list(data, dtype, numbers, out)


def _elements(data: bytes, begin: int, end: int) -> int:
    """How many elements a TensorShapeProto means."""
    count = 1
    for dimension in fields(data, begin, end):
        if dimension.number == 2 and dimension.wire == BYTES:
            size = 0
            for part in fields(data, dimension.begin, dimension.end):
                if part.number == 1 and part.wire == VARINT:
                    size = signed(part.varint)
            count *= size
    return count


def _number_of_list(data: bytes, dtype: int, numbers: list[Field], out: Value) -> None:
    """The scalar in one of the ``*_val`` lists; a list without any element stands for zero."""
    if not numbers:
        out.number = 0.0
        return
    last = numbers[-1]
    if last.number in _PACKED:
        # A float_val or double_val, packed or not: of the last element, should there be several.
        kind = 1 if last.number == 5 else 2
        size = size_of(kind)
        if last.wire == VARINT or (last.end - last.begin) % size:
            return
        out.place = Place(last.end - size, kind)
        out.number = number_at(data, out.place)
        return
    value, at = last.varint, last.begin
    while last.wire == BYTES and at < last.end:
        value, at = varint(data, at, last.end)
    out.number = _number_of_varint(value, dtype)


def _number_of_varint(value: int, dtype: int) -> float:
    if dtype in _HALVES:
        return number_at((value & 0xFFFF).to_bytes(2, "little"), Place(0, dtype))
    if dtype == 10:
        return float(value != 0)
    return float(value if dtype == 23 else signed(value))


# --- the hparams plugin ------------------------------------------------------------------------


def hparams(content: bytes) -> dict[str, Any]:
    """Hyper-parameters by name from an ``HParamsPluginData`` with ``session_start_info``.

    Raises:
        WireError: the bytes are no such message.
    """
    out: dict[str, Any] = {}
    for info in fields(content, 0, len(content)):
        if info.number != 3 or info.wire != BYTES:
            continue
        for entry in fields(content, info.begin, info.end):
            if entry.number == 1 and entry.wire == BYTES:
                name, value = _map_entry(content, entry.begin, entry.end)
                out[name] = value
    return out


def _map_entry(data: bytes, begin: int, end: int) -> tuple[str, Any]:
    """An entry of a ``map<string, google.protobuf.Value>``."""
    name, value = "", None
    for part in fields(data, begin, end):
        if part.number == 1 and part.wire == BYTES:
            name = data[part.begin : part.end].decode("utf-8", "replace")
        elif part.number == 2 and part.wire == BYTES:
            for inner in fields(data, part.begin, part.end):
                if inner.number == 2 and inner.wire == FIXED64:
                    (value,) = _double(data, inner.begin)
                elif inner.number == 3 and inner.wire == BYTES:
                    value = data[inner.begin : inner.end].decode("utf-8", "replace")
                elif inner.number == 4 and inner.wire == VARINT:
                    value = bool(inner.varint)
    return name, value
