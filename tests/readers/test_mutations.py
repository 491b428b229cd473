"""Damaged files of every format: nothing fails, hangs or turns whole records into wrong values."""

from __future__ import annotations

import contextlib
import json
import pickle
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from traindiag.readers.base import LogFile, all_readers
from traindiag.readers.discover import find_runs

EPOCHS = 15
LOSS = [round(2.0 / (i + 1) + 0.01 * (i % 3), 7) for i in range(EPOCHS)]
VAL = [round(loss + 0.1234567, 7) for loss in LOSS]
ROUNDS = 150


def table(header: str, row: str, separator: str = ",") -> bytes:
    lines = [header, *(row.format(i=i, l=LOSS[i], v=VAL[i], s=10 * i) for i in range(EPOCHS))]
    return ("\n".join(lines) + "\n").replace(",", separator).encode()


def records(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FILES: dict[str, bytes] = {
    "log.csv": table("epoch,loss,val_loss", "{i},{l},{v}"),
    "german.csv": table("epoch;loss;val_loss", "{i};{l};{v}").replace(b".", b","),
    "metrics.csv": table("epoch,step,train_loss,val_loss", "{i},{s},{l},\n{i},{s},,{v}"),
    "history.csv": table("epoch,train_loss,valid_loss,time", "{i},{l},{v},00:12"),
    "results.csv": table("epoch, train/box_loss, metrics/mAP50, val/box_loss", "{i}, {l}, 0.5, {v}"),
    "other.tsv": table("iter,total_loss,dev_loss", "{s},{l},{v}", "\t"),
    "history.json": json.dumps({"loss": LOSS, "val_loss": VAL}).encode(),
    "history.txt": str({"loss": LOSS, "val_loss": [np.float32(v) for v in VAL]}).encode(),
    "history.pkl": pickle.dumps({"loss": LOSS, "val_loss": np.array(VAL)}),
    "old.pkl": pickle.dumps({"loss": LOSS, "val_loss": [np.float64(v) for v in VAL]}, 2),
    "log.jsonl": records(*({"epoch": i, "loss": LOSS[i], "val": {"loss": VAL[i]}} for i in range(EPOCHS))),
    "trainer_state.json": json.dumps(
        {"log_history": [{"epoch": i + 1.0, "step": 10 * i, "loss": LOSS[i]} for i in range(EPOCHS)]}
    ).encode(),
    "mlruns/0/a/metrics/loss": "".join(f"170000000{i:04d} {LOSS[i]} {i}\n" for i in range(EPOCHS)).encode(),
    "hf.out": "".join(f"{{'loss': {LOSS[i]}, 'epoch': {i + 1}.0}}\n" for i in range(EPOCHS)).encode(),
    "console.txt": "".join(
        f"Epoch {i + 1}/{EPOCHS}\n5/10 [=>..] - ETA: 1s - loss: 9.9\r10/10 [==] - 1s 9ms/step - loss: {LOSS[i]:.4f}\n"
        for i in range(EPOCHS)
    ).encode(),
}


def flip(rng: random.Random, data: bytearray) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at : at + rng.randrange(1, 8)] = rng.randbytes(rng.randrange(1, 8))


def drop(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 40)]


def repeat(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.randrange(1, 200)] * rng.randrange(1, 4)


def insert(rng: random.Random, data: bytearray) -> None:
    marks = [
        b"\r",
        b"\n",
        b"\x00",
        b'"',
        b"'",
        b",",
        b"nan",
        b"1e999",
        b"\xff\xfe",
        b"{",
        b"]",
        b"-",
        b"9" * 400,
    ]
    data[(at := rng.randrange(len(data) + 1)) : at] = rng.choice(marks)


def cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


MUTATIONS: list[Callable[[random.Random, bytearray], None]] = [flip, overwrite, drop, repeat, insert, cut]


def mutated(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        if out:
            rng.choice(MUTATIONS)(rng, out)
    return bytes(out)


@pytest.mark.parametrize("name", FILES)
def test_random_damage_never_fails_or_hangs(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(name)
    for _ in range(ROUNDS):
        data = mutated(rng, FILES[name])
        path.write_bytes(data)
        begin = time.perf_counter()
        found = find_runs([path])
        assert time.perf_counter() - begin < 2
        for entry in found.unreadable:
            assert "reader failed" not in entry.message, (entry, data)
            assert "\n" not in entry.message


@pytest.mark.parametrize("name", FILES)
def test_every_reader_refuses_or_reads_every_other_format(name):
    """`--reader` forces any reader upon any file: a clear refusal, never a fault."""
    from traindiag.model.errors import UnreadableError

    for reader in all_readers():
        file = LogFile(Path(name), data=FILES[name])
        with contextlib.suppress(UnreadableError):
            reader.read([file])


def test_damage_in_one_line_of_a_table_leaves_the_others_as_they_were(tmp_path):
    path = tmp_path / "log.csv"
    lines = FILES["log.csv"].decode().splitlines()
    rng = random.Random(7)
    for _ in range(600):
        hit = rng.randrange(1, len(lines))
        characters = list(lines[hit])
        for _ in range(rng.randrange(1, 4)):
            characters[rng.randrange(len(characters))] = rng.choice("0123456789.,;-enaxX #")
        path.write_text("\n".join([*lines[:hit], "".join(characters), *lines[hit + 1 :]]) + "\n")
        found = find_runs([path])
        rows = {
            (split, epoch, value)
            for run in found.runs
            for split, epoch, value in run.frame[["split", "epoch", "value"]]
            .fillna({"epoch": -1})
            .to_numpy()
            .tolist()
        }
        for epoch in range(EPOCHS):
            if epoch != hit - 1:
                assert ("train", epoch, LOSS[epoch]) in rows, (hit, "".join(characters), rows)
                assert ("val", epoch, VAL[epoch]) in rows, (hit, "".join(characters))
