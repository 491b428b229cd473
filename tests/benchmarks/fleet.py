#!/usr/bin/env python3
"""Ten thousand runs through ``traindiag analyze``: time, runs a second and peak memory, with and without the cache.

    python tests/benchmarks/fleet.py --data FOLDER
    python tests/benchmarks/fleet.py --data FOLDER --counts 200 --rounds 1

Half of the runs are CSV logs of Keras, half TensorBoard event files in train/ and validation/, each with a loss and an
accuracy of both splits over 50 epochs; they lie in folders such as ``lr=0.1_bs=32/run-00042``, and a third of them
overfits. They are written once. Every measurement is a process of its own that writes JSON lines to a file; the
bytes of all ways must be the same. Memory is the largest sum of the resident sets of all its processes, looked at 20
times a second; pages that processes have in common are counted for each of them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from traindiag.readers.eventfiles.crc32c import masked_crc

EPOCHS = 50
PAGE = resource.getpagesize()


# --- writing the runs ----------------------------------------------------------------------------


def write_runs(folder: Path, count: int) -> None:
    """`count` runs below a folder, the same each time."""
    for number in range(count):
        rate, batch = (0.1, 0.01, 0.001)[number % 3], (32, 64)[number % 2]
        home = folder / f"lr={rate}_bs={batch}" / f"run-{number:05d}"
        home.mkdir(parents=True)
        columns = curves(number, ill=rate == 0.1)
        (write_csv if number // 6 % 2 else write_events)(home, columns)


def curves(seed: int, *, ill: bool) -> dict[str, list[float]]:
    """Loss and accuracy of both splits."""
    rng = np.random.default_rng(seed)
    epoch = np.arange(EPOCHS)
    train = 0.2 + 2 * np.exp(-epoch / rng.uniform(4, 9)) + rng.normal(0, 0.01, EPOCHS)
    rise = 0.03 * np.clip(epoch - 15, 0, None) if ill else 0.0
    val = train + 0.1 + rise + rng.normal(0, 0.015, EPOCHS)
    columns = {"loss": train, "accuracy": 1 - train / 3, "val_loss": val, "val_accuracy": 1 - val / 3}
    return {name: values.tolist() for name, values in columns.items()}


def write_csv(home: Path, columns: dict[str, list[float]]) -> None:
    """As Keras' CSVLogger."""
    rows = (
        ",".join(map(repr, (epoch, *row))) for epoch, row in enumerate(zip(*columns.values(), strict=True))
    )
    (home / "log.csv").write_text("\n".join((",".join(("epoch", *columns)), *rows, "")))


def write_events(home: Path, columns: dict[str, list[float]]) -> None:
    """As Keras' TensorBoard callback, without the graph."""
    for split, prefix in (("train", ""), ("validation", "val_")):
        (home / split).mkdir()
        records = [b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2"]
        for epoch in range(EPOCHS):
            for metric in ("loss", "accuracy"):
                value = columns[prefix + metric][epoch]
                records.append(scalar_event(1.7e9 + 30 * epoch, epoch, f"epoch_{metric}".encode(), value))
        name = f"events.out.tfevents.1700000000.host.1.{split}.v2"
        (home / split / name).write_bytes(b"".join(map(framed, records)))


def scalar_event(wall_time: float, step: int, tag: bytes, value: float) -> bytes:
    """One event with a ``simple_value``."""
    inner = b"\x0a" + bytes([len(tag)]) + tag + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    return (
        b"\x09"
        + struct.pack("<d", wall_time)
        + b"\x10"
        + bytes([step])
        + b"\x2a"
        + bytes([len(summary)])
        + summary
    )


def framed(payload: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


# --- measuring -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """One process: wall and processor seconds, MiB of all its processes together and of the largest, its output."""

    wall: float
    cpu: float
    memory: float
    largest: float
    digest: str


def measure(folder: Path, options: list[str], cache: Path, output: Path) -> Measured:
    """Run ``traindiag analyze`` once."""
    script = "from traindiag.cli.app import main; main()"
    command = [
        sys.executable,
        "-c",
        script,
        "analyze",
        folder.name,
        "-f",
        "jsonl",
        "-o",
        str(output),
        *options,
    ]
    environment = {**os.environ, "TRAINDIAG_CACHE_DIR": str(cache)}
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder.parent, env=environment, start_new_session=True)
    seen = Seen()
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, seen, done))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    cpu = max(seen.cpu, usage.ru_utime + usage.ru_stime)
    return Measured(wall, cpu, seen.memory, usage.ru_maxrss / 1024, digest)


@dataclass
class Seen:
    """What was seen of all processes of a session: the largest sum of resident sets in MiB, processor seconds."""

    memory: float = 0.0
    ticks: dict[int, int] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        return sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")


def watch(session: int, seen: Seen, done: threading.Event) -> None:
    """Look at the session until it is done."""
    while not done.wait(0.05):
        pages = 0
        for process in members(session):
            try:
                stat = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            seen.ticks[process] = int(stat[11]) + int(stat[12])
            pages += int(stat[21])
        seen.memory = max(seen.memory, pages * PAGE / (1 << 20))


def members(session: int) -> Iterator[int]:
    """The processes of a session."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getsid(int(entry)) == session:
                    yield int(entry)
            except OSError:
                continue


WAYS = {
    "--jobs 1": ["--jobs", "1", "--no-cache"],
    "--jobs 2": ["--jobs", "2", "--no-cache"],
    "--jobs 1, cache empty": ["--jobs", "1"],
    "--jobs 1, cache full": ["--jobs", "1"],
    "--jobs 2, cache full": ["--jobs", "2"],
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--counts", default="1000,10000", help="how many runs")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    counts = [int(count) for count in args.counts.split(",")]
    cache, output = args.data / "cache", args.data / "report.jsonl"
    for count in counts:
        folder = args.data / f"runs-{count}"
        if not folder.exists():
            write_runs(folder, count)
    cores = len(os.sched_getaffinity(0))
    print(
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
    )
    print("| runs | how | wall s | processor s | runs/s | runs per processor s | MiB, all | MiB, largest |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|")
    results: dict[tuple[int, str], list[Measured]] = {}
    for count in counts:
        for _ in range(args.rounds):
            shutil.rmtree(cache, ignore_errors=True)
            for way, options in WAYS.items():
                got = measure(args.data / f"runs-{count}", options, cache, output)
                results.setdefault((count, way), []).append(got)
        for way in WAYS:
            rounds = results[count, way]
            wall, cpu, memory, largest = (
                statistics.median(getattr(each, what) for each in rounds)
                for what in ("wall", "cpu", "memory", "largest")
            )
            print(
                f"| {count:,} | {way} | {wall:.1f} | {cpu:.1f} | {count / wall:,.0f} | {count / cpu:,.0f} "
                f"| {memory:.0f} | {largest:.0f} |",
                flush=True,
            )
        if len({each.digest for (n, _), rounds in results.items() if n == count for each in rounds}) > 1:
            print(f"\n{count:,} runs: the ways DIFFER in their output")
            return 1
    print("\nThe output was the same, byte by byte, in all ways and rounds.")
    for way in WAYS if len(counts) > 1 else ():
        few, many = (
            statistics.median(each.memory for each in results[count, way])
            for count in (counts[0], counts[-1])
        )
        print(f"Memory of {counts[-1]:,} runs / of {counts[0]:,}, {way}: {many / few:.2f}")
    print(f"Load at the end {os.getloadavg()[0]:.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
