"""Event files at the low level: framing, checksums, wire format, damage."""

from __future__ import annotations

import importlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_bytes import (
    BEGIN,
    crc32c,
    event,
    float_tensor,
    histogram,
    image,
    message,
    plugin,
    record,
    scalars,
    simple,
    strings,
    summary,
    tensor,
    varint,
    version,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traindiag.readers.eventfiles import walker
from traindiag.readers.eventfiles.bulk import passed_over
from traindiag.readers.eventfiles.crc32c import masked_crc, masked_crc_of_lengths, masked_crc_of_rows
from traindiag.readers.eventfiles.eventfile import EventFile
from traindiag.readers.eventfiles.events import read_event_files

SHARED_TOOLS = Path(__file__).parents[2].parent / "shared" / "tools"
Points = list[tuple[str, int, float, float]]


def read(data: bytes, **options: Any) -> EventFile:
    (file,) = read_event_files([io.BytesIO(data)], **options)
    return file


def points(file: EventFile) -> Points:
    """(tag, step, wall time, value) in the order of the file."""
    rows = [
        (order, tag, step, wall, value)
        for tag, s in file.scalars.items()
        for order, step, wall, value in zip(
            s.order.tolist(), s.step.tolist(), s.wall_time.tolist(), s.value.tolist(), strict=True
        )
    ]
    return [row[1:] for row in sorted(rows, key=lambda row: row[0])]


def values(file: EventFile, tag: str = "loss") -> list[float]:
    return file.scalars[tag].value.tolist()


# --- checksums -----------------------------------------------------------------------------------


def test_the_checksum_is_that_of_the_standard() -> None:
    # RFC 3720, B.4: 32 bytes of zeros, of ones, and 0..31.
    def masked(crc: int) -> int:
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    assert masked_crc(bytes(32)) == masked(0x8A9136AA)
    assert masked_crc(b"\xff" * 32) == masked(0x62A8AB43)
    assert masked_crc(bytes(range(32))) == masked(0x46DD794E)


@given(st.binary(max_size=1200))
@settings(max_examples=40, deadline=None)
def test_checksums_of_bytes_and_rows_agree_with_the_definition(data: bytes) -> None:
    assert masked_crc(data) == crc32c(data)
    rows = np.frombuffer(data[:512] * 2, dtype=np.uint8).reshape(2, -1)
    assert masked_crc_of_rows(rows).tolist() == [crc32c(data[:512])] * 2


def test_checksums_of_lengths() -> None:
    lengths = [0, 1, 255, 256, 65535, 65536, 2**40, 2**64 - 1]
    expected = [crc32c(struct.pack("<Q", length)) for length in lengths]
    assert masked_crc_of_lengths(np.array(lengths, dtype=np.uint64)).tolist() == expected


# --- what is read --------------------------------------------------------------------------------

NUMPY_TYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "|b1", 17: "<u2", 19: "<f2",
    22: "<u4", 23: "<u8",
}  # fmt: skip


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
@pytest.mark.parametrize("shape", [b"", message(2, b"\x08\x01")], ids=["scalar", "one"])
def test_every_numeric_tensor_type(dtype: int, shape: bytes) -> None:
    numbers = np.array([0, 1, 100], dtype=NUMPY_TYPES[dtype])
    data = version() + b"".join(
        event(BEGIN, i, summary(tensor(b"loss", dtype, number.tobytes(), shape)))
        for i, number in enumerate(numbers)
    )
    assert values(read(data)) == numbers.astype(float).tolist()


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    halves = [struct.pack("<f", x)[2:] for x in (0.5, -1.5, float("inf"))]
    data = version() + b"".join(event(BEGIN, 1, summary(tensor(b"loss", 14, half))) for half in halves)
    assert values(read(data)) == [0.5, -1.5, float("inf")]


@pytest.mark.parametrize(
    ("dtype", "body", "expected"),
    [
        (1, message(5, struct.pack("<f", 0.5)), 0.5),
        (1, b"\x2d" + struct.pack("<f", 0.5), 0.5),
        (2, message(6, struct.pack("<d", 0.1)), 0.1),
        (3, message(7, varint(-7)), -7.0),
        (4, message(7, varint(200)), 200.0),
        (5, message(7, varint(-300)), -300.0),
        (9, message(10, varint(-(2**40))), -(2.0**40)),
        (10, message(11, b"\x01"), 1.0),
        (14, message(13, varint(0x3FC0)), 1.5),
        (17, message(7, varint(65535)), 65535.0),
        (19, message(13, varint(int(np.float16(2.5).view(np.uint16)))), 2.5),
        (22, message(16, varint(2**32 - 1)), 2.0**32 - 1),
        (23, message(17, varint(2**64 - 1)), float(2**64 - 1)),
        (3, b"\x38\x05", 5.0),
    ],
)
def test_numbers_in_the_val_fields(dtype: int, body: bytes, expected: float) -> None:
    proto = b"\x08" + bytes([dtype]) + b"\x12\x00" + body
    one = summary(message(1, b"loss") + message(8, proto) + plugin(b"scalars"))
    file = read(version() + b"".join(event(BEGIN, step, one) for step in range(1, 50)))
    assert values(file) == [expected] * 49


def test_steps_of_every_size() -> None:
    steps = [0, 1, 127, 128, 2**31, 2**62, 2**63 - 1, -1, -(2**63)]
    file = read(version() + scalars([("loss", step, i) for i, step in enumerate(steps)] * 3))
    assert file.scalars["loss"].step.tolist() == steps * 3


def test_several_values_in_one_summary_keep_their_order() -> None:
    both = [summary(simple(b"a", i), simple(b"b", -i), simple(b"a", i + 0.5)) for i in range(5)]
    file = read(version() + b"".join(event(BEGIN + i, i, each) for i, each in enumerate(both)))
    assert values(file, "a") == [x for i in range(5) for x in (i, i + 0.5)]
    assert values(file, "b") == [-float(i) for i in range(5)]
    assert file.scalars["a"].order.tolist() == [i + 1 for i in range(5) for _ in range(2)]


def test_scalars_beside_histograms_in_one_summary() -> None:
    mixed = summary(histogram(b"weights", 200), simple(b"loss", 0.25), image(b"picture", 900))
    assert values(read(version() + event(BEGIN, 3, mixed))) == [0.25]


def test_other_kinds_are_passed_over() -> None:
    bulk = b"".join(
        event(BEGIN, step, content)
        for step in range(3)
        for content in (
            summary(histogram(b"weights", 3)),
            summary(histogram(b"weights", 300)),
            summary(image(b"picture", 5000)),
            summary(strings(b"notes", b"long words " * 100)),
            summary(tensor(b"curve", 2, bytes(2400), message(2, b"\x08\x1e") + message(2, b"\x08\x0a"))),
            message(4, bytes(10_000)),
            message(8, bytes(3000)),
        )
    )
    file = read(version() + bulk + scalars([("loss", 1, 0.5)]) + bulk)
    assert points(file) == [("loss", 1, BEGIN, 0.5)]
    assert not file.losses


def test_passing_over_needs_a_look_at_the_first_bytes_only() -> None:
    def verdict(payload: bytes) -> bool:
        data = np.frombuffer(payload + bytes(1024), dtype=np.uint8)
        return bool(passed_over(data, np.array([0]), np.array([len(payload)]))[0])

    head = b"\x09" + bytes(8) + b"\x10" + varint(10**9)
    assert verdict(head + summary(image(b"t" * 200, 100)))
    assert verdict(head + message(4, bytes(100)))
    assert not verdict(head + summary(simple(b"loss", 1)))
    assert not verdict(head + summary(image(b"t", 100), simple(b"loss", 1)))
    assert not verdict(head + summary(strings(b"keras", b"{" * 300)))
    assert not verdict(b"\x10\x01" + summary(image(b"t", 100)))
    assert not verdict(b"\x09")
    whole = head + summary(image(b"t" * 200, 5000))
    for kept in (1, 9, 12, 30, 240):
        begun = np.frombuffer(whole[:kept], dtype=np.uint8)
        assert bool(passed_over(begun, np.array([0]), np.array([len(whole)]))[0]) == (kept == 240)


def test_a_long_description_hides_no_scalar() -> None:
    described = message(1, b"loss") + message(8, b"\x08\x01\x12\x00\x22\x04" + struct.pack("<f", 0.5))
    described += message(9, message(1, message(1, b"scalars")) + message(3, b"what it means " * 100))
    file = read(version() + b"".join(event(BEGIN, i, summary(described)) for i in range(3)))
    assert values(file) == [0.5] * 3


def test_what_else_a_file_tells() -> None:
    number, text, flag = b"\x11" + struct.pack("<d", 0.01), message(3, b"adam"), b"\x20\x01"
    entries = [(b"lr", number), (b"optimizer", text), (b"nesterov", flag)]
    info = b"".join(message(1, message(1, name) + message(2, value)) for name, value in entries)
    start_info = message(1, b"_hparams_/session_start_info") + plugin(
        b"hparams", b"\x08\x00" + message(3, info)
    )
    file = read(
        version()
        + event(BEGIN, 7, message(7, b"\x08\x01"))
        + event(BEGIN, 0, summary(strings(b"keras", b'{"class_name": "Sequential"}' + b" " * 5000)))
        + event(BEGIN, 0, summary(start_info))
    )
    assert file.version == "brain.Event:2"
    assert file.starts == [7]
    assert file.keras is not None
    assert file.keras.startswith(b'{"class_name"')
    assert file.hparams == {"lr": 0.01, "optimizer": "adam", "nesterov": True}


def test_tags_that_are_no_utf8_are_kept_apart_and_noted() -> None:
    one = [
        event(BEGIN, 1, summary(simple(tag, i)))
        for i, tag in enumerate([b"a\xff", b"a\xfe", "損失".encode()])
    ]
    file = read(version() + b"".join(one))
    assert [s.value.tolist() for s in file.scalars.values()] == [[0.0], [1.0], [2.0]]
    assert "損失" in file.scalars
    assert len(file.notes) == 2


def test_many_tags_of_one_length() -> None:
    written = [(f"layer_{i:03d}/norm", step, i + step / 1000) for step in range(20) for i in range(300)]
    got = points(read(version() + scalars(written)))
    assert [(tag, step) for tag, step, _, _ in got] == [(tag, step) for tag, step, _ in written]
    assert np.allclose([value for *_, value in got], [value for *_, value in written])


def test_every_record_a_tag_of_its_own() -> None:
    written = [(f"image_{i:05d}/score", 1, float(i)) for i in range(1500)]
    got = points(read(version() + scalars(written)))
    assert [(tag, value) for tag, _, _, value in got] == [(tag, value) for tag, _, value in written]


def test_files_share_pages_and_stay_apart() -> None:
    files = [version() + scalars([("loss", i, n + i / 8) for i in range(n % 7)]) for n in range(60)]
    got = read_event_files([io.BytesIO(data) for data in files], page_bytes=2000)
    assert [points(each) for each in got] == [points(read(data)) for data in files]
    assert len({each.digest for each in got}) == len(set(files))


# --- pages, lanes and large records --------------------------------------------------------------


def long_file(rng: np.random.Generator, count: int) -> tuple[bytes, int]:
    """Scalars with tags of many lengths, and some records that hold whole records in their payload."""
    block = b"".join(
        event(BEGIN + i, i, summary(float_tensor(b"m" * int(rng.integers(1, 40)), i))) for i in range(400)
    )
    trap = event(BEGIN, 1, summary(strings(b"notes", block[: int(rng.integers(2000, 6000))])))
    return version() + (block + trap) * (count // 400), 400 * (count // 400)


@pytest.mark.parametrize("damaged", [0, 1, 40])
def test_lanes_find_what_the_plain_walk_finds(damaged: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(damaged)
    data, _ = long_file(rng, 40_000)
    hurt = np.frombuffer(data, dtype=np.uint8).copy()
    hurt[rng.integers(0, len(hurt), damaged)] ^= 0x55
    lanes = read(hurt.tobytes())
    monkeypatch.setattr(walker, "_LEAST_LANES", 1 << 30)
    plain = read(hurt.tobytes())
    assert points(lanes) == points(plain)
    assert lanes.losses == plain.losses
    assert lanes.records == plain.records
    assert lanes.digest == plain.digest


@pytest.mark.parametrize("page_bytes", [600, 1000, 4096, 100_000])
def test_records_may_straddle_pages(page_bytes: int) -> None:
    rng = np.random.default_rng(5)
    count = 1000
    data = version() + scalars([("m" * int(rng.integers(1, 60)), i, i) for i in range(count)])
    whole, paged = read(data), read(data, page_bytes=page_bytes)
    assert points(paged) == points(whole)
    assert len(points(whole)) == count
    hurt = bytearray(data)
    hurt[len(data) // 2] ^= 1
    whole, paged = read(bytes(hurt)), read(bytes(hurt), page_bytes=page_bytes)
    assert points(paged) == points(whole)
    assert len(points(whole)) >= count - 1


def test_damage_longer_than_a_page() -> None:
    good = scalars([("loss", i, i) for i in range(20)])
    data = version() + good + bytes(range(1, 251)) * 40 + good
    file = read(data, page_bytes=1000)
    assert values(file) == [float(i) for i in range(20)] * 2
    (loss,) = file.losses
    assert (loss.offset, loss.size) == (len(version() + good), 10_000)


def test_a_record_larger_than_a_page_is_passed_over_by_seeking() -> None:
    class Counted(io.BytesIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            got = super().readinto(buffer)
            Counted.taken += got
            return got

    huge = event(BEGIN, 1, summary(image(b"picture", 200_000)))
    data = version() + scalars([("loss", 1, 0.5)]) + huge + scalars([("loss", 2, 0.25)])
    (file,) = read_event_files([Counted(data)], page_bytes=10_000)
    assert values(file) == [0.5, 0.25]
    assert not file.losses
    assert Counted.taken < 25_000


def test_a_record_that_may_hold_scalars_but_is_too_large_is_told() -> None:
    merged = event(BEGIN, 1, summary(simple(b"loss", 1.0), image(b"picture", 200_000)))
    file = read(version() + merged + scalars([("loss", 2, 0.25)]), page_bytes=10_000)
    assert values(file) == [0.25]
    assert [(loss.records, loss.size, loss.what) for loss in file.losses] == [
        (1, len(merged), "record too large to be read")
    ]


def test_a_record_larger_than_a_page_may_begin_anywhere_on_one() -> None:
    huge = event(BEGIN, 1, summary(image(b"picture", 5_000)))
    for pad in range(1, 1_000, 7):
        before = event(BEGIN, 0, summary(strings(b"notes", b"x" * pad)))
        file = read(version() + before + huge + scalars([("loss", 2, 0.25)]), page_bytes=1_000)
        assert values(file) == [0.25]
        assert not [loss for loss in file.losses if loss.size > len(before)]


def test_a_histogram_too_large_to_be_read_is_told_where_histograms_are_asked_for() -> None:
    data = version() + event(BEGIN, 1, summary(histogram(b"weights", 2_000))) + scalars([("loss", 2, 0.25)])
    notes = [
        read_event_files([io.BytesIO(data)], histograms=asked, page_bytes=5_000)[0].notes
        for asked in (True, False)
    ]
    assert notes == [["a histogram of 16,032 bytes is too large to be read"], []]


@pytest.mark.parametrize("length", [1 << 30, 1 << 39, 1 << 50, (1 << 64) - 1])
def test_a_length_that_cannot_be_takes_no_memory(length: int) -> None:
    header = struct.pack("<Q", length)
    bomb = header + struct.pack("<I", crc32c(header)) + b"x" * 100
    file = read(
        version() + scalars([("loss", 1, 0.5)]) + bomb + scalars([("loss", 2, 0.25)]), page_bytes=1000
    )
    assert values(file) == [0.5, 0.25]
    assert sum(loss.size for loss in file.losses) == len(bomb)


# --- damage --------------------------------------------------------------------------------------


def small_file() -> tuple[bytes, list[tuple[int, int, tuple[str, int, float, float] | None]]]:
    """A mixed file, and of each record begin, end and point."""
    rows: list[tuple[bytes, tuple[str, int, float, float] | None]] = [(version(), None)]
    for i in range(30):
        wall = BEGIN + i
        rows.append(
            (event(wall, i, summary(float_tensor(b"epoch_loss", i / 4))), ("epoch_loss", i, wall, i / 4))
        )
        rows.append((event(wall, 9 * i, summary(simple(b"lr", i / 8))), ("lr", 9 * i, wall, i / 8)))
        if i % 10 == 0:
            rows.append((event(wall, i, summary(strings(b"notes", b"word " * 20))), None))
    begin, laid = 0, []
    for data, point in rows:
        laid.append((begin, begin + len(data), point))
        begin += len(data)
    return b"".join(data for data, _ in rows), laid


def test_truncation_at_every_byte() -> None:
    data, laid = small_file()
    for cut in range(len(data)):
        file = read(data[:cut], page_bytes=1 << 16)
        whole = [point for _, end, point in laid if end <= cut and point]
        assert points(file) == whole
        begun = [begin for begin, end, _ in laid if begin < cut < end]
        assert [(loss.offset, loss.size, loss.records) for loss in file.losses] == [
            (begin, cut - begin, 1) for begin in begun
        ]


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutations_cost_no_more_than_the_records_they_hit(data: st.DataObject) -> None:
    whole, laid = small_file()
    places = data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=12))
    hurt = bytearray(whole)
    for at, byte in places:
        hurt[at] = byte
    page_bytes = data.draw(st.sampled_from([700, 5000, 1 << 20]))
    before, file, after = read_event_files(
        [io.BytesIO(each) for each in (whole, bytes(hurt), whole)], page_bytes=page_bytes
    )
    assert points(before) == points(after) == [point for _, _, point in laid if point]
    touched = [any(hurt[i] != whole[i] for i in range(begin, end)) for begin, end, _ in laid]
    got = points(file)
    untouched = [point for hit, (_, _, point) in zip(touched, laid, strict=True) if point and not hit]
    allowed = [point for _, _, point in laid if point]
    assert [point for point in got if point in untouched] == untouched
    assert [point for point in got if point not in allowed] == []
    lost = sum(loss.records for loss in file.losses)
    assert lost >= (1 if len(got) < len(allowed) else 0)
    assert bool(file.losses) == any(touched)


@given(st.binary(max_size=300), st.integers(0, 2))
@settings(max_examples=80, deadline=None)
def test_garbage_is_never_an_error(garbage: bytes, where: int) -> None:
    good = scalars([("loss", 1, 0.5)])
    parts = [version(), good]
    parts.insert(where, garbage)
    file = read(b"".join(parts))
    assert values(file) == [0.5]


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_a_valid_record_of_anything_is_never_an_error(payload: bytes) -> None:
    file = read(version() + record(payload) * 3 + scalars([("loss", 1, 0.5)]))
    assert 0.5 in values(file)


def test_three_bytes_overwritten_among_362_records() -> None:
    data = version() + scalars([("epoch_loss", i, 1 / (1 + i)) for i in range(361)], tf2=True)
    for at in (len(data) // 2, len(data) // 3, 180 * 87, 5):
        hurt = bytearray(data)
        hurt[at : at + 3] = bytes(b ^ 0xA5 for b in hurt[at : at + 3])
        file = read(bytes(hurt))
        assert len(file.scalars["epoch_loss"]) >= 359 + (at == 5)
        assert sum(loss.records for loss in file.losses) <= 2


def test_a_damaged_header_costs_nothing_when_the_payload_is_whole() -> None:
    data = bytearray(version() + scalars([("loss", i, i) for i in range(10)]))
    data[len(version()) + 2] ^= 0x40
    file = read(bytes(data))
    assert values(file) == [float(i) for i in range(10)]
    assert [(loss.records, loss.what) for loss in file.losses] == [
        (0, "damaged record header, content recovered")
    ]


def test_damage_everywhere_takes_little_memory() -> None:
    one = scalars([("loss", 1, 1.0)])
    file = read(version() + (one + b"\x05") * 3000)
    assert len(file.scalars["loss"]) == 3000
    assert len(file.losses) == 1000
    assert sum(loss.records for loss in file.losses) == 3000
    assert sum(loss.size for loss in file.losses) == 3000


def test_unverified_reading_keeps_a_value_whose_checksum_is_wrong() -> None:
    data = bytearray(version() + scalars([("loss", i, 1.0) for i in range(5)]))
    data[-2] ^= 1
    assert len(read(bytes(data), verify=False).scalars["loss"]) == 5
    assert len(read(bytes(data)).scalars["loss"]) == 4


def test_a_growing_file() -> None:
    data, laid = small_file()
    middle = laid[20][0] + 7
    before, after = read(data[:middle]), read(data)
    assert points(after)[: len(points(before))] == points(before)
    assert len(before.losses) == 1
    assert not after.losses


def test_empty_files() -> None:
    assert [len(each.scalars) for each in read_event_files([io.BytesIO(), io.BytesIO()])] == [0, 0]
    assert read_event_files([]) == []


# --- the same as TensorBoard -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def loader() -> Iterator[Any]:
    """TensorBoard's EventFileLoader upon its own stub of TensorFlow, whose import would take seconds."""
    pytest.importorskip("tensorboard")
    module = importlib.import_module("tensorboard.backend.event_processing.event_file_loader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "tf", importlib.import_module("tensorboard.compat.tensorflow_stub"))
        yield module.EventFileLoader


def tensorboard_points(loader: Any, path: Path) -> Points:
    from tensorboard.util.tensor_util import make_ndarray

    return [
        (value.tag, each.step, each.wall_time, float(make_ndarray(value.tensor).item()))
        for each in loader(str(path)).Load()
        for value in each.summary.value
        if value.metadata.plugin_data.plugin_name == "scalars"
    ]


STYLES = {
    "simple": simple,
    "float": float_tensor,
    "double": lambda tag, x: tensor(tag, 2, struct.pack("<d", x)),
    "half": lambda tag, x: tensor(tag, 19, np.float16(x).tobytes()),
    "int64": lambda tag, x: tensor(tag, 9, struct.pack("<q", int(np.nan_to_num(x)) % 2**40)),
    "uint8": lambda tag, x: tensor(tag, 4, bytes([int(np.nan_to_num(x)) % 256])),
    "bool": lambda tag, x: tensor(tag, 10, bytes([x > 0])),
    "vector": lambda tag, x: tensor(tag, 1, struct.pack("<f", np.float32(x)), message(2, b"\x08\x01")),
    "float_val": lambda tag, x: (
        message(1, tag)
        + message(8, b"\x08\x01\x12\x00" + message(5, struct.pack("<f", np.float32(x))))
        + plugin(b"scalars")
    ),
}
TAGS = ["loss", "lr", "epoch_loss", "train/accuracy", "損失", "x" * 130, ""]
written = st.tuples(
    st.sampled_from(TAGS),
    st.sampled_from(sorted(STYLES)),
    st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1)),
    st.floats(width=32),
    st.floats(0, 4e9),
)


@given(rows=st.lists(written, max_size=40), repeat=st.integers(1, 4))
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_values_steps_and_wall_times_equal_tensorboards(
    rows: list[tuple[str, str, int, float, float]],
    repeat: int,
    loader: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = version()
    for turn in range(repeat):
        for tag, style, step, value, wall in rows:
            data += event(wall + turn, step, summary(STYLES[style](tag.encode(), value)))
    path = tmp_path_factory.mktemp("log") / "events.out.tfevents.1"
    path.write_bytes(data)
    ours, theirs = points(read(data)), tensorboard_points(loader, path)
    assert len(ours) == repeat * len(rows)
    np.testing.assert_equal(ours, theirs)


# --- the awkward files ---------------------------------------------------------------------------

TEN = [1 / (1 + i) for i in range(10)]
AWKWARD: dict[str, tuple[list[float], int]] = {
    "clean": (TEN, 0),
    "truncated_payload": (TEN[:9], 1),
    "truncated_header": (TEN[:9], 1),
    "flip_in_data": (TEN[:5] + TEN[6:], 1),
    "flip_in_data_crc": (TEN[:5] + TEN[6:], 1),
    "flip_in_length_crc": (TEN, 0),
    "flip_in_length": (TEN, 0),
    "empty_file": ([], 0),
    "text_file": ([], 1),
    "header_only": ([], 0),
    "zeros_at_end": (TEN, 0),
    "record_is_no_event": (TEN, 1),
    "nan_and_inf": ([1.0, float("nan"), float("inf"), float("-inf"), 0.5], 0),
    "restart_second_file": ([*range(10), *range(105, 112)], 0),
    "restart_same_file": ([*range(11)], 0),
    "restart_session_log": ([*range(6), *range(103, 107)], 0),
    "clock_backwards": ([*range(6)], 0),
    "repeated_steps": ([*range(6)], 0),
    "negative_steps": ([*range(4)], 0),
    "huge_steps": ([*range(3)], 0),
    "int32": ([-1, 0, 1], 0),
    "int64": ([2**40, 2**40 + 1, 2**40 + 2], 0),
    "int64_val": ([2**40, 2**40 + 1, 2**40 + 2], 0),
    "uint8": ([200, 201, 202], 0),
    "bool": ([0, 1, 0], 0),
    **{
        name: ([0.5, 1.5, 2.5], 0)
        for name in "float double half bfloat16 float_val half_val vector_of_one no_plugin".split()
    },
    **dict.fromkeys("text_beside_scalar unicode_tag tag_not_utf8 empty_tag".split(), (TEN[:3], 0)),
    "two_values_a_summary": ([0, 0, 1, -1, 2, -2], 0),
    "tag_changes_kind": ([1.0, 0.5, 0.25, 0.25], 0),
}


@pytest.mark.skipif(not SHARED_TOOLS.exists(), reason="the generator of awkward files is not here")
def test_awkward_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SHARED_TOOLS))
    cases = importlib.import_module("gen_awkward").CASES
    assert set(cases) == set(AWKWARD)
    for name, files in cases.items():
        got = read_event_files([io.BytesIO(data) for data in files.values()])
        expected, lost = AWKWARD[name]
        found = [value for each in got for *_, value in points(each)]
        np.testing.assert_allclose(found, expected, rtol=1e-7, err_msg=name)
        assert sum(loss.records for each in got for loss in each.losses) == lost, name
