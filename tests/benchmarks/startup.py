"""Start-up times of whole processes, beside the libraries they cannot do without.

    python tests/benchmarks/startup.py

prints medians of several runs and two ratios: ``traindiag --help`` against importing typer and rich (goal: at
most 3), and ``traindiag analyze`` of one CSV of 100 epochs against importing pandas (goal: at most 2, bound 2.5).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 15
MAIN = "from traindiag.cli.app import main; main()"


def seconds(commands: dict[str, list[str]]) -> dict[str, float]:
    """Median wall time of each command; rounds are interleaved so that a busy machine is fair to all."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(REPEATS):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.csv")
        rows = (f"{e},{2 * 0.95**e},{0.4 + 1.6 * 0.93**e + max(0, e - 30) * 0.01}\n" for e in range(100))
        log.write_text("epoch,loss,val_loss\n" + "".join(rows))
        found = seconds(
            {
                "import typer, rich.console": ["-c", "import typer, rich.console"],
                "traindiag --help": ["-c", MAIN, "--help"],
                "import pandas": ["-c", "import pandas"],
                "traindiag analyze log.csv": ["-c", MAIN, "analyze", str(log)],
                "import traindiag": ["-c", "import traindiag"],
            }
        )
    for name, each in found.items():
        print(f"{name:28} {each * 1000:7.0f} ms")
    print(f"help / (typer + rich)  {found['traindiag --help'] / found['import typer, rich.console']:.2f}")
    print(f"analyze / pandas       {found['traindiag analyze log.csv'] / found['import pandas']:.2f}")


if __name__ == "__main__":
    main()
