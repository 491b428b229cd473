"""What `traindiag watch` takes: core share and memory on a log of a million points that grows by 100 points a second.

    python tests/benchmarks/watch.py                        # one minute on a CSV of 1,000,000 rows
    python tests/benchmarks/watch.py --seconds 30 --points 200000

Prints the share of a core after the first reading, and the resident memory once it is read and at the end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICK = 0.5


def usage(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MiB of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100, int(fields[21]) * 4096 / 2**20


def row(step: int) -> str:
    return f"{step},{1 / (1 + step / 1000) + 0.01 * (step * 7919 % 101) / 101:.6f}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=100, help="points a second")
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.csv"
        with log.open("w") as file:
            file.write("step,loss\n")
            file.writelines(row(step) for step in range(arguments.points))
        command = [sys.executable, "-c", "from traindiag.cli.app import main; main()", "watch", str(log)]
        began = time.monotonic()
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            measure(watch, log, arguments, began)
        finally:
            watch.kill()


def measure(watch: subprocess.Popen[str], log: Path, arguments: argparse.Namespace, began: float) -> None:
    assert watch.stdout is not None
    for _ in range(3):  # the name, the titles and the first judgment
        watch.stdout.readline()
    time.sleep(1)
    first_cpu, first_memory = usage(watch.pid)
    size = log.stat().st_size / 2**20
    print(
        f"{arguments.points:,} points ({size:.0f} MiB) read and judged after {time.monotonic() - began:.1f} s"
    )
    step, start = arguments.points, time.monotonic()
    while time.monotonic() - start < arguments.seconds:
        with log.open("a") as file:
            for _ in range(round(arguments.rate * TICK)):
                file.write(row(step))
                step += 1
        time.sleep(TICK)
    cpu, memory = usage(watch.pid)
    share = (cpu - first_cpu) / (time.monotonic() - start)
    print(f"growing by {arguments.rate} points/s for {arguments.seconds:.0f} s: {share:.2%} of a core")
    print(f"resident memory {first_memory:.0f} MiB when read, {memory:.0f} MiB at the end")


if __name__ == "__main__":
    main()
