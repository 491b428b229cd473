#!/usr/bin/env python3
"""Time the readers side by side with their peers, each in a process of its own, and print the ratios.

    python tests/benchmarks/reading.py --data DATA --peer-python PYTHON
    python tests/benchmarks/reading.py --data DATA --datasets large-v1,bloated --rounds 7

The peers are tbparse and TensorBoard's data server in Rust (tensorboard-data-server), in an environment
without TensorFlow, and pandas for CSV:

    python -m venv peers
    peers/bin/pip install tbparse tensorboard tensorboard-data-server grpcio pandas

Rounds are interleaved (A B C A B C ...), so that a drifting machine slows every reader alike, and a ratio is the
median over rounds of (this reader / that peer). Beside it stands the ratio of processor time, which counts every
thread and the server's process and is the steadier figure on a machine that others use. `process` is the whole
process from start to exit, `read` the time after the imports until arrays or frames are there, `peak` the largest
resident set. The number of points and the sums of steps and values are then compared with what the generator noted.
tbparse takes minutes: `--slow-rounds` says how often it is run.

The logs are written by gen_events.py (see `--generator`) when `--data` does not hold them yet.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT.parent / "shared" / "tools" / "gen_events.py"
Ready = Callable[[], None]


@dataclass(frozen=True)
class Goal:
    """This reader's `what` must be at most `most` times that of a peer."""

    dataset: str
    reader: str
    what: str
    peer: str
    most: float


GOALS = [
    *(
        goal
        for name in ("large-v1", "large-keras")
        for goal in (
            Goal(name, "unverified", "read", "tbparse", 1 / 70),
            Goal(name, "unverified", "read", "rust", 1 / 4),
            Goal(name, "traindiag", "process", "tbparse", 1 / 30),
            Goal(name, "traindiag", "process", "rust", 1 / 2.5),
            Goal(name, "traindiag", "read", "rust-checksum", 1 / 3),
        )
    ),
    Goal("many-keras", "traindiag", "read", "tbparse", 1 / 50),
    Goal("many-keras", "traindiag", "read", "rust", 1 / 2),
    Goal("bloated", "traindiag", "read", "rust", 1 / 2),
    Goal("bloated", "traindiag", "peak", "rust", 1),
    *(
        goal
        for reader in ("csv", "find_runs")
        for goal in (
            Goal("csv-large", reader, "read", "pandas", 1.25),
            Goal("csv-many", reader, "read", "pandas", 0.15),
        )
    ),
]
PEAK_MIB = {"large-v1": 300, "large-keras": 300}
"""What the default reader may take at most, in MiB."""


# --- readers: each reads a folder, and then tells points, step sum and value sum --------------------

Sums = tuple[int, int, float]
Result = Callable[[], Sums]
"""Called when the clock has stopped: adding up is no part of the read."""


def traindiag_events(path: str, ready: Ready, verify: bool = True) -> Result:
    """Every event file below the folder into arrays of steps, wall times and values, series by series."""
    runs = event_runs(path, ready, verify)
    return lambda: sums_of_arrays(
        (each.epoch if each.step is None else each.step, each.value) for run in runs for each in run.series
    )


def sums_of_arrays(series: Iterable[tuple[Any, Any]]) -> Sums:
    """Points, and the sums of their steps (or epochs) and values."""
    points = steps = 0
    value = 0.0
    for at, values in series:
        points += len(values)
        steps += int(at.sum())
        value += float(values.sum())
    return points, steps, value


def event_runs(path: str, ready: Ready, verify: bool = True) -> list[Any]:
    from traindiag.readers import tensorboard
    from traindiag.readers.base import Fit, LogFile

    if not verify:
        checked = tensorboard.read_event_files
        tensorboard.read_event_files = lambda *a, **k: checked(*a, **k, verify=False)
    ready()
    reader = tensorboard.TensorBoardReader()
    files = [LogFile(name) for name in files_below(path)]
    groups = reader.groups([file for file in files if reader.fit(file) is not Fit.NO])
    runs = []
    for group in reader.read_many(groups):
        if isinstance(group, Exception):
            raise group
        runs += group
    return runs


def frame(path: str, ready: Ready) -> Result:
    """The same, and of all of it one tidy DataFrame."""
    import pandas  # noqa: F401

    from traindiag.model.frame import frame_of_runs

    runs = event_runs(path, ready)
    whole = frame_of_runs([(run.files[0].where, run.series) for run in runs])
    return lambda: sums(whole)


def unverified(path: str, ready: Ready) -> Result:
    """The same without the checksums of payloads, as the Rust server reads by default."""
    return traindiag_events(path, ready, verify=False)


def traindiag_csv(path: str, ready: Ready) -> Result:
    """Every CSV file below the folder, recognised and read; files of one header together."""
    import pandas  # noqa: F401

    from traindiag.readers.base import LogFile, all_readers
    from traindiag.readers.keras_csv import KerasCsv
    from traindiag.readers.recognising import Recogniser

    readers = all_readers()
    ready()
    recogniser = Recogniser(readers)
    files = [LogFile(name) for name in files_below(path)]
    reader = next(each for each in readers if isinstance(each, KerasCsv))
    groups = reader.groups([file for file in files if recogniser.reader_of(file) is reader])
    runs = []
    for group in reader.read_many(groups):
        if isinstance(group, Exception):
            raise group
        runs += group
    return lambda: losses(runs)


def traindiag_runs(path: str, ready: Ready) -> Result:
    """The same as `traindiag analyze` does it: found below the folder, named, forms of one run merged."""
    import pandas  # noqa: F401

    from traindiag.readers.base import all_readers
    from traindiag.readers.discover import find_runs

    all_readers()
    ready()
    found = find_runs([path])
    return lambda: losses(found.runs)


def losses(runs: Iterable[Any]) -> Sums:
    """Points, and the sums of their epochs and values, of the training losses."""
    keys = ("train", "loss")
    series = [each for run in runs for each in run.series if (each.split, each.metric) == keys]
    return sums_of_arrays((each.epoch, each.value) for each in series)


def pandas_csv(path: str, ready: Ready) -> Result:
    """pandas with its C engine, file by file."""
    import pandas as pd

    ready()
    frames = [pd.read_csv(name) for name in files_below(path)]
    return lambda: sums_of_arrays((each["epoch"], each["loss"]) for each in frames)


def tbparse(path: str, ready: Ready) -> Result:
    import numpy as np
    import pandas as pd
    from tbparse import SummaryReader

    ready()
    reader = SummaryReader(path, event_types={"scalars", "tensors"}, extra_columns={"dir_name", "wall_time"})
    frame = pd.concat([each for each in (reader.scalars, reader.tensors) if len(each)])
    if frame["value"].dtype == object:
        frame = frame[[not isinstance(v, str | bytes) and np.ndim(v) == 0 for v in frame["value"]]]
    return lambda: (len(frame), int(frame["step"].sum()), float(frame["value"].astype(float).sum()))


def rust(path: str, ready: Ready, *flags: str) -> Result:
    """tensorboard-data-server with all samples kept, read over gRPC into arrays of steps, wall times and values."""
    import grpc
    import numpy as np
    import tensorboard_data_server
    from tensorboard.data.proto import data_provider_pb2 as pb
    from tensorboard.data.proto.data_provider_pb2_grpc import TensorBoardDataProviderStub

    ready()
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder, "port")
        command = [
            tensorboard_data_server.server_binary(), f"--logdir={path}", "--reload=once", "--port=0",
            f"--port-file={port}", "--samples-per-plugin=scalars=all,images=1,histograms=1", "--die-after-stdin",
            "--verbose", *flags,
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            assert server.stdin is not None
            for line in server.stderr:
                if "Finished load cycle" in line:
                    break
            channel = grpc.secure_channel(
                f"localhost:{int(port.read_text())}",
                grpc.local_channel_credentials(),
                [("grpc.max_receive_message_length", -1)],
            )
            response = TensorBoardDataProviderStub(channel).ReadScalars(
                pb.ReadScalarsRequest(
                    experiment_id="e",
                    plugin_filter=pb.PluginFilter(plugin_name="scalars"),
                    downsample=pb.Downsample(num_points=1 << 30),
                )
            )
            parts = [
                (run.run_name, tag.tag_name, *(np.array(getattr(tag.data, c)) for c in COLUMNS))
                for run in response.runs
                for tag in run.tags
            ]
            channel.close()
            server.stdin.close()
            for _ in server.stderr:
                pass
    _, _, steps, _, values = zip(*parts, strict=True)
    return lambda: sums_of_arrays(zip(steps, values, strict=True))


COLUMNS = ("step", "wall_time", "value")


def rust_checksum(path: str, ready: Ready) -> Result:
    return rust(path, ready, "--checksum")


def sums(frame: Any) -> Sums:
    """Points, and the sums of their steps (or epochs, for rows on the epoch axis) and values."""
    steps = int(frame["step"].sum())
    if "epoch" in frame.columns:
        steps += int(frame["epoch"][frame["step"].isna()].sum())
    return len(frame), steps, float(frame["value"].sum())


def files_below(path: str) -> Iterator[str]:
    """Every file, sorted; this is part of what is measured, for pandas, too."""
    with os.scandir(path) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from files_below(entry.path)
        else:
            yield entry.path


@dataclass(frozen=True)
class Reader:
    run: Callable[[str, Ready], Result]
    peer: bool = False
    slow: bool = False


EVENTS = {
    "traindiag": Reader(traindiag_events),
    "unverified": Reader(unverified),
    "rust": Reader(rust, peer=True),
    "rust-checksum": Reader(rust_checksum, peer=True),
    "frame": Reader(frame),
    "tbparse": Reader(tbparse, peer=True, slow=True),
}
TABLES = {"csv": Reader(traindiag_csv), "find_runs": Reader(traindiag_runs), "pandas": Reader(pandas_csv)}
READERS = EVENTS | TABLES


def readers_of(dataset: str) -> dict[str, Reader]:
    return TABLES if dataset.startswith("csv") else EVENTS


# --- measuring -----------------------------------------------------------------------------------


def child(name: str, path: str) -> None:
    """One measurement, told as JSON on standard output."""
    imported: list[float] = []
    result = READERS[name].run(path, lambda: imported.extend((time.perf_counter(), cpu())))
    read, work = time.perf_counter() - imported[0], cpu() - imported[1]
    points, steps, value = result()
    print(
        json.dumps({"read": read, "read_cpu": work, "points": points, "step_sum": steps, "value_sum": value})
    )
    sys.stdout.flush()
    os._exit(0)  # As a command that is done would: no time for tearing down what was built.


def cpu() -> float:
    """Processor seconds of this process and of those it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def measure(python: str, name: str, path: Path, timeout: float) -> dict[str, float] | None:
    """Seconds of the whole process and of the read, and peak memory in MiB; None when it failed."""
    command = [python, __file__, "--child", name, str(path)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=quiet)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    assert process.stdout is not None
    with process.stdout:
        text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not text.strip():
        return None
    return {
        **json.loads(text.splitlines()[-1]),
        "process": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1024,
    }


def right(got: dict[str, float], expected: dict[str, float]) -> bool:
    return (
        got["points"] == expected["points"]
        and got["step_sum"] == expected["step_sum"]
        and math.isclose(got["value_sum"], expected["value_sum"], rel_tol=1e-6)
    )


Rounds = dict[str, list[dict[str, float] | None]]


def measure_dataset(dataset: str, args: argparse.Namespace) -> Rounds:
    rounds: Rounds = {name: [] for name in readers_of(dataset)}
    path = args.data / dataset
    for number in range(-1, args.rounds):  # The first one warms the caches up and is not counted.
        for name, reader in readers_of(dataset).items():
            python = args.peer_python if reader.peer else sys.executable
            if not python or (reader.slow and not 0 <= number < args.slow_rounds):
                continue
            got = measure(python, name, path, args.timeout)
            if number >= 0:
                rounds[name].append(got)
    return rounds


def report(dataset: str, expected: dict[str, float], rounds: Rounds) -> None:
    print(f"\n## {dataset}: {expected['points']:,} points, {expected['files']:,} files, "
          f"{expected['bytes'] / 1e6:,.0f} MB\n")  # fmt: skip
    print("| reader | process s | read s | read CPU s | peak MiB | content |\n|---|--:|--:|--:|--:|---|")
    for name, all_got in rounds.items():
        done = [got for got in all_got if got]
        if not done:
            print(f"| {name} | {'failed' if all_got else 'not measured'} | | | | |")
            continue
        process, read, work, peak = (
            statistics.median(got[what] for got in done) for what in ("process", "read", "read_cpu", "peak")
        )
        content = "right" if all(right(got, expected) for got in done) else "WRONG"
        print(f"| {name} | {process:.3f} | {read:.3f} | {work:.3f} | {peak:.0f} | {content} |")
    print("\n| goal | at most | measured | | of CPU time |\n|---|--:|--:|---|--:|")
    for goal in GOALS:
        if goal.dataset == dataset:
            print(goal_line(goal, rounds))
    if dataset in PEAK_MIB and any(rounds["traindiag"]):
        peak = max(got["peak"] for got in rounds["traindiag"] if got)
        met = "met" if peak <= PEAK_MIB[dataset] else "MISSED"
        print(f"| peak of traindiag, MiB | {PEAK_MIB[dataset]} | {peak:.0f} | {met} | |")
    sys.stdout.flush()


def goal_line(goal: Goal, rounds: Rounds) -> str:
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(rounds[goal.reader], rounds[goal.peer], strict=False)
        if mine and theirs
    ]
    text = f"| {goal.what} of {goal.reader} / {goal.peer} | {goal.most:.4g} |"
    if not pairs:
        return f"{text} not measured | | |"
    ratio = statistics.median(mine[goal.what] / theirs[goal.what] for mine, theirs in pairs)
    what = {"read": "read_cpu", "process": "cpu"}.get(goal.what, goal.what)
    work = statistics.median(mine[what] / max(theirs[what], 0.01) for mine, theirs in pairs)
    return f"{text} {ratio:.4g} | {'met' if ratio <= goal.most else 'MISSED'} | {work:.4g} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(dict.fromkeys(goal.dataset for goal in GOALS))
    parser.add_argument("--data", type=Path, required=True, help="folder of the generated logs")
    parser.add_argument("--datasets", default=",".join(names), help=f"of {', '.join(names)}")
    parser.add_argument("--peer-python", help="interpreter that has the peers and no TensorFlow")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1, help="rounds in which tbparse takes part")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one measurement")
    parser.add_argument("--generator", type=Path, default=GENERATOR, help="gen_events.py")
    args = parser.parse_args()
    for dataset in args.datasets.split(","):
        noted = args.data / f"{dataset}.expected.json"
        if not noted.exists():
            if not args.generator.exists():
                print(f"{noted} is absent, and so is the generator {args.generator}", file=sys.stderr)
                return 2
            subprocess.run([sys.executable, str(args.generator), str(args.data), dataset], check=True)
        report(dataset, json.loads(noted.read_text()), measure_dataset(dataset, args))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3])
    sys.exit(main())
