#!/usr/bin/env python3
"""Damage event files at random, many times over, and see that no value comes back wrong.

    python tests/benchmarks/mutate_events.py --count 1000000

Each file is a small one with some bytes flipped, overwritten, dropped, inserted, repeated or cut off. Reading must not
fail, must not take over two seconds of processor time for a batch of 50, and every point must be one that was written.
Where no byte has moved, every record without damage must come back, and every damaged one must be told.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "readers"))

from event_bytes import (  # noqa: E402
    BEGIN,
    event,
    float_tensor,
    histogram,
    simple,
    strings,
    summary,
    tensor,
    version,
)

from traindiag.readers.eventfiles.eventfile import EventFile  # noqa: E402
from traindiag.readers.eventfiles.events import read_event_files  # noqa: E402

BATCH = 50
Point = tuple[str, int, float, float]


def written() -> list[tuple[bytes, Point | None]]:
    """The records of a small mixed file, each with its point."""
    rows: list[tuple[bytes, Point | None]] = [(version(), None)]
    for i in range(12):
        wall = BEGIN + i
        rows += [
            (event(wall, i, summary(float_tensor(b"epoch_loss", i / 4))), ("epoch_loss", i, wall, i / 4)),
            (event(wall, 200 * i, summary(simple(b"lr", i / 8))), ("lr", 200 * i, wall, i / 8)),
            (event(wall, -i, summary(tensor(b"n", 9, bytes([i]) + bytes(7)))), ("n", -i, wall, float(i))),
        ]
        if i % 5 == 0:
            rows.append((event(wall, i, summary(strings(b"notes", b"word " * 20))), None))
            rows.append((event(wall, i, summary(histogram(b"weights", 30))), None))
    return rows


def mutated(rng: random.Random, whole: bytes) -> tuple[bytes, bool]:
    """The damaged bytes, and whether every other byte is where it was."""
    data, in_place = bytearray(whole), True
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data))
        kind = rng.choice("fffoodirc")
        if kind == "f":
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "o":
            hurt = data[at : at + rng.randint(1, 16)]
            data[at : at + len(hurt)] = rng.randbytes(len(hurt))
        elif kind == "c" and rng.random() < 0.3 and at:
            del data[at:]
            in_place = False
        elif kind in "dir":
            in_place = False
            if kind == "d":
                del data[at : at + rng.randint(1, 60)]
            elif kind == "i":
                data[at:at] = rng.randbytes(rng.randint(1, 60))
            else:
                data[at:at] = data[at : at + rng.randint(1, 400)]
        if not data:
            break
    return bytes(data), in_place


def points(file: EventFile) -> list[Point]:
    return [
        (tag, step, wall, value)
        for tag, s in file.scalars.items()
        for step, wall, value in zip(s.step.tolist(), s.wall_time.tolist(), s.value.tolist(), strict=True)
    ]


def check(data: bytes, in_place: bool, file: EventFile, rows: list[tuple[bytes, Point | None]]) -> None:
    """Raise AssertionError when a point is wrong or a loss is silent."""
    known = {point for _, point in rows if point}
    got = points(file)
    assert known.issuperset(got), f"points that were never written: {set(got) - known}"
    if not in_place:
        return
    at, untouched, hurt = 0, [], 0
    for record, point in rows:
        whole = data[at : at + len(record)] == record
        at += len(record)
        hurt += not whole
        if whole and point:
            untouched.append(point)
    assert not set(untouched) - set(got), f"lost without damage: {set(untouched) - set(got)}"
    assert len(got) == len(set(got)), "a point came back twice"
    told = sum(max(loss.records, 1) for loss in file.losses)
    assert hurt == 0 or told >= 1, "damage that is not told"
    assert len(got) + sum(loss.records for loss in file.losses) <= len(rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, rows = random.Random(args.seed), written()
    whole = b"".join(record for record, _ in rows)
    slowest, done, begin = 0.0, 0, time.perf_counter()
    while done < args.count:
        batch = [mutated(rng, whole) for _ in range(BATCH)]
        started = time.process_time()
        files = read_event_files(
            (io.BytesIO(data) for data, _ in batch), page_bytes=rng.choice([700, 5000, 1 << 20])
        )
        slowest = max(slowest, time.process_time() - started)
        for number, ((data, in_place), file) in enumerate(zip(batch, files, strict=True)):
            try:
                check(data, in_place, file, rows)
            except AssertionError:
                print(f"file {done + number} of seed {args.seed}: {data.hex()}", file=sys.stderr)
                raise
        done += BATCH
    print(
        f"{done:,} damaged files of {len(whole):,} bytes: no wrong value, no silent loss; "
        f"slowest batch of {BATCH} {slowest:.2f} s of processor time; {time.perf_counter() - begin:.0f} s in all"
    )
    return 0 if slowest < 2 else 1


if __name__ == "__main__":
    sys.exit(main())
