#!/usr/bin/env python3
"""Ten thousand runs through ``traindiag analyze``: time, runs a second and peak memory, with and without the cache.

    python tests/benchmarks/fleet.py --data FOLDER
    python tests/benchmarks/fleet.py --data FOLDER --counts 200 --rounds 1
    python tests/benchmarks/fleet.py --data FOLDER --everywhere 1000    # also Dask and S3 on this machine
    python tests/benchmarks/fleet.py --data FOLDER --walk 100000        # finding files, nothing else

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
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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


# --- everywhere ----------------------------------------------------------------------------------


def everywhere(data: Path, count: int) -> int:
    """The same runs through this process, two processes, a Dask cluster and S3 on loopback: one output."""
    folder = data / f"runs-{count}"
    if not folder.exists():
        write_runs(folder, count)
    output, cache = data / "report.jsonl", data / "cache"
    ways = {
        "local, --jobs 1": ["--jobs", "1"],
        "local, --jobs 2": ["--jobs", "2"],
        "local, --dask local": ["--dask", "local", "--jobs", "2"],
    }
    digests = {}
    print("| way | wall s | processor s | digest |\n|---|--:|--:|---|")
    for way, options in ways.items():
        got = measure(folder, ["--no-cache", *options], cache, output)
        digests[way] = got.digest
        print(f"| {way} | {got.wall:.1f} | {got.cpu:.1f} | {got.digest[:12]} |", flush=True)
    with on_s3(folder, data / "requests.txt") as (url, log):
        for way, options in (("S3, --jobs 1", ["--jobs", "1"]), ("S3, --jobs 2", ["--jobs", "2"])):
            before = requests_in(log)
            begin = time.perf_counter()
            script = "from traindiag.cli.app import main; main()"
            command = [sys.executable, "-c", script, "analyze", url, "-f", "jsonl", "--no-cache", *options]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            wall = time.perf_counter() - begin
            digests[way] = hashlib.sha256(text.replace(f"{url}/", f"{folder.name}/").encode()).hexdigest()
            asked = requests_in(log) - before
            print(f"| {way} | {wall:.1f} | | {digests[way][:12]} |", flush=True)
            print(f"Requests: {dict(asked)}", flush=True)
    same = len(set(digests.values())) == 1
    print(f"\n{'The same bytes' if same else 'DIFFERENT bytes'} (the URL written as the folder).")
    return int(not same)


@contextmanager
def on_s3(folder: Path, log: Path) -> Iterator[tuple[str, Path]]:
    """The runs in a bucket of moto's server, and the file that it notes its requests in."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_DEFAULT_REGION="us-east-1",
    )
    import s3fs

    with log.open("w") as noted:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=noted,
            stderr=noted,
        )
        try:
            fs = s3fs.S3FileSystem()
            for _ in range(200):
                try:
                    fs.mkdir("runs-bucket")
                    break
                except Exception:
                    time.sleep(0.2)
            fs.put(f"{folder}/", "runs-bucket/runs", recursive=True)
            yield "s3://runs-bucket/runs", log
        finally:
            server.terminate()
            server.wait()


def requests_in(log: Path) -> Counter[str]:
    """How many requests of each kind a server has noted."""
    kinds: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        if "HTTP/1.1" in line:
            method, _, path = line.partition('"')[2].partition(" ")
            kinds["LIST" if "list-type" in path else method.rpartition("m")[2]] += 1
    return kinds


def walk(data: Path, count: int) -> int:
    """Find `count` files, nine of ten of which are no logs by their name; how long, and how soon the first comes."""
    from traindiag.readers.walking import Root

    folder = data / f"files-{count}"
    if not folder.exists():
        for number in range(count // 10):
            home = folder / f"group-{number % 100:02d}" / f"run-{number:05d}"
            home.mkdir(parents=True)
            for other in range(9):
                (home / f"weights-{other}.h5").touch()
            (home / "log.csv").touch()
    for _ in range(3):
        begin = time.perf_counter()
        units = Root(str(folder), {}).units([])
        next(units)
        first = time.perf_counter() - begin
        found = 1 + sum(1 for _ in units)
        wall = time.perf_counter() - begin
        print(
            f"{count:,} files, {found:,} folders with a log: {wall:.2f} s, the first after {1000 * first:.1f} ms"
        )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--counts", default="1000,10000", help="how many runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--everywhere", type=int, metavar="N", help="N runs through every way instead")
    parser.add_argument("--walk", type=int, metavar="N", help="find N files instead")
    args = parser.parse_args()
    args.data = args.data.resolve()
    args.data.mkdir(parents=True, exist_ok=True)
    if args.everywhere:
        return everywhere(args.data, args.everywhere)
    if args.walk:
        return walk(args.data, args.walk)
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
