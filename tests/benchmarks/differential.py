#!/usr/bin/env python3
"""Write random logs and hold what is read against two other readers: TensorBoard's and pandas'.

    python tests/benchmarks/differential.py --events 5000 --tables 5000 --seed 0

**Event files**: one to five of them are read together, with scalars of every numeric type in any order of tags and
steps, NaN and infinities, wall times that jump, and texts, histograms and images in between. Every value, step and wall
time must be the one that TensorBoard's ``EventFileLoader`` gives, and in the same order tag by tag.

**Tables**: any separator, decimal commas, line ends, blanks, NaN and infinities, numbers printed short and long, with
and without an epoch or an index column. Every number must be the one that ``pandas.read_csv`` gives, within two
units in the last place (its parser rounds quickly, not always to the nearest); those of many tables read together, too.

The tests run some hundred of both; this script runs as many as it is told to, and prints how many agreed.
"""

from __future__ import annotations

import argparse
import importlib
import io
import math
import random
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "readers"))

import event_bytes
import test_events

from traindiag.readers.base import LogFile
from traindiag.readers.eventfiles.crc32c import masked_crc
from traindiag.readers.eventfiles.events import read_event_files
from traindiag.readers.parsing import joined
from traindiag.readers.parsing.layouts import layout_of
from traindiag.readers.parsing.tables import read_table

event_bytes.crc32c = masked_crc  # TensorBoard's reader checks it, and the other one is slow.

STEPS = [
    lambda rng, i: i,
    lambda rng, i: i // 3,
    lambda rng, i: rng.randrange(300),
    lambda rng, i: rng.randrange(-(2**63), 2**63),
    lambda rng, i: 0,
]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 3e38, 1e-45]


def an_event_file(rng: random.Random) -> bytes:
    tags = rng.sample(test_events.TAGS, rng.randint(1, 5))
    styles = rng.sample(sorted(test_events.STYLES), rng.randint(1, 4))
    step, wall = rng.choice(STEPS), event_bytes.BEGIN
    data = [event_bytes.version()]
    for i in range(rng.choice([0, 1, 5, 40, 150])):
        wall = rng.uniform(0, 4e9) if rng.random() < 0.1 else wall + rng.random()
        values = []
        for _ in range(1 if rng.random() < 0.9 else rng.randint(2, 4)):
            number = rng.choice(SPECIAL) if rng.random() < 0.1 else struct_float(rng.gauss(0, 10))
            values.append(test_events.STYLES[rng.choice(styles)](rng.choice(tags).encode(), number))
        if rng.random() < 0.1:
            values = [bulk(rng)]
        data.append(event_bytes.event(wall, step(rng, i), event_bytes.summary(*values)))
    return b"".join(data)


def struct_float(value: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def bulk(rng: random.Random) -> bytes:
    """A value that is no scalar."""
    noise = rng.randbytes(rng.choice([10, 300, 3000]))
    return rng.choice(
        [
            lambda: event_bytes.strings(b"notes", noise),
            lambda: event_bytes.message(1, b"image") + event_bytes.message(4, event_bytes.message(4, noise)),
        ]
    )()


def compare_events(rng: random.Random, count: int, folder: Path) -> int:
    """How many points agreed."""
    module = importlib.import_module("tensorboard.backend.event_processing.event_file_loader")
    module.tf = importlib.import_module("tensorboard.compat.tensorflow_stub")
    done = points = 0
    while done < count:
        files = [an_event_file(rng) for _ in range(rng.randint(1, 5))]
        page_bytes = rng.choice([2000, 5000, 1 << 20])
        read = read_event_files([io.BytesIO(data) for data in files], page_bytes=page_bytes)
        for number, (data, got) in enumerate(zip(files, read, strict=True)):
            path = folder / f"events.out.tfevents.{done + number}"
            path.write_bytes(data)
            theirs = test_events.tensorboard_points(module.EventFileLoader, path)
            np.testing.assert_equal(by_tag(test_events.points(got)), by_tag(theirs), err_msg=data.hex())
            assert not got.losses, got.losses
            points += len(theirs)
            path.unlink()
        done += len(files)
    return points


def by_tag(points: list[tuple[str, int, float, float]]) -> dict[str, list[tuple[int, float, float]]]:
    """Step, wall time and value of each point of a tag, in order: an event with several values has no other order."""
    out: dict[str, list[tuple[int, float, float]]] = {}
    for tag, *rest in points:
        out.setdefault(tag, []).append(tuple(rest))
    return out


def a_table(rng: random.Random) -> tuple[str, str, str]:
    """Its text, its separator, and its decimal sign."""
    separator = rng.choice([",", ",", ";", "\t"])
    decimal = "," if separator != "," and rng.random() < 0.4 else "."
    rows = rng.choice([1, 2, 5, 30, 100])
    names = rng.sample(["accuracy", "auc", "val_loss", "val_accuracy", "mae", "lr"], rng.randint(0, 5))
    columns: dict[str, list[str]] = {}
    if not names or rng.random() < 0.8:  # A single column has no separator to be seen.
        columns["epoch"] = list(map(str, range(rows)))
    for name in ["loss", *names]:
        form = rng.choice(["{!r}", "{:.4f}", "{:.6e}", "{:.17g}", "{:g}"])
        blank = rng.choice([0, 0, 0.2])
        columns[name] = [a_cell(rng, form, blank, first=row < 3).replace(".", decimal) for row in range(rows)]
    end = rng.choice(["\n", "\r\n"])
    lines = [separator.join(columns), *map(separator.join, zip(*columns.values(), strict=True))]
    return end.join(lines) + end, separator, decimal


def a_cell(rng: random.Random, form: str, blank: float, *, first: bool) -> str:
    if not first and rng.random() < blank:
        return ""
    if not first and rng.random() < 0.03:
        return rng.choice(["nan", "inf", "-inf", "NaN"])
    return form.format(rng.choice([rng.random(), rng.gauss(0, 1e3), 10 ** rng.uniform(-300, 300)]))


def compare_tables(rng: random.Random, count: int) -> int:
    """How many numbers agreed."""
    numbers = 0
    for _ in range(count):
        text, separator, decimal = a_table(rng)
        file = LogFile("log.csv", data=text.encode())
        layout = layout_of(file)
        assert layout is not None, text
        table = read_table(file, layout)
        expected = pd.read_csv(io.StringIO(text), sep=separator, decimal=decimal).dropna(
            axis="columns", how="all"
        )
        assert not table.damage, text
        for name in expected:
            column = table.columns[name].value
            np.testing.assert_allclose(
                column, expected[name].to_numpy(float), rtol=4e-16, atol=0, err_msg=text
            )
            numbers += len(column)
    return numbers


def compare_together(rng: random.Random, count: int) -> int:
    """How many numbers of tables that are parsed as one agreed."""
    header, numbers = "epoch,loss,val_loss", 0
    texts = []
    for _ in range(count):
        rows = rng.randint(20, 60)
        cells = ((str(row), repr(rng.random()), repr(rng.gauss(0, 1e3))) for row in range(rows))
        texts.append("\n".join([header, *map(",".join, cells)]) + "\n")
    files = [LogFile(f"{number}/log.csv", data=text.encode()) for number, text in enumerate(texts)]
    seen: set[Any] = set()
    for found in joined.read_together(files):
        for file in found.rows:
            table = found.table(file)
            expected = pd.read_csv(io.BytesIO(file.head))
            for name in expected:
                column = table.columns[name].value
                np.testing.assert_allclose(column, expected[name].to_numpy(float), rtol=4e-16, atol=0)
                numbers += len(column)
            seen.add(file)
    assert len(seen) == len(files)
    return numbers


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=5_000, help="event files")
    parser.add_argument("--tables", type=int, default=5_000, help="tables, read one by one and together")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, begin = random.Random(args.seed), time.perf_counter()
    np.seterr(over="ignore")
    with tempfile.TemporaryDirectory() as folder:
        points = compare_events(rng, args.events, Path(folder))
    print(f"{args.events:,} event files, {points:,} points: as TensorBoard reads them")
    print(f"{args.tables:,} tables, {compare_tables(rng, args.tables):,} numbers: as pandas reads them")
    print(f"{args.tables:,} tables together, {compare_together(rng, args.tables):,} numbers: likewise")
    print(f"{time.perf_counter() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
