"""How many runs a second are judged: runs in memory, 100 epochs, 4 metrics, one core.

python tests/benchmarks/judging.py
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from traindiag.diagnosis import diagnose_runs
from traindiag.model.convert import run_from_history
from traindiag.model.run import Run

RUNS, EPOCHS, ROUNDS = 1000, 100, 5


def runs() -> list[Run]:
    """Runs of every kind: falling, overfitting, flat, rising, noisy."""
    random = np.random.default_rng(0)
    epoch = np.arange(EPOCHS)
    made = []
    for index in range(RUNS):
        rate, floor, turn = random.uniform(0.02, 0.3), random.uniform(0.05, 1.5), random.uniform(-0.005, 0.02)
        fall = 2.3 * np.exp(-rate * epoch)
        noise = 1 + random.uniform(0, 0.05) * random.standard_normal((4, EPOCHS))
        history = {
            "loss": (fall + 0.1) * noise[0],
            "val_loss": (fall + floor + turn * epoch) * noise[1],
            "accuracy": np.clip(1 - fall / 2.6, 0, 1) * noise[2],
            "val_accuracy": np.clip(1 - fall / 2.6 - 0.05, 0, 1) * noise[3],
        }
        made.append(run_from_history({k: v.tolist() for k, v in history.items()}, name=f"run-{index}"))
    return made


def main() -> int:
    made = runs()
    diagnose_runs(made[:20])
    rates = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        report = diagnose_runs(made)
        rates.append(len(made) / (time.perf_counter() - begin))
    counts: dict[str, int] = {}
    for each in report.runs:
        counts[each.verdict.rule] = counts.get(each.verdict.rule, 0) + 1
    print(f"{statistics.median(rates):.0f} runs/s (median of {ROUNDS}, {min(rates):.0f} to {max(rates):.0f})")
    print(", ".join(f"{rule} {count}" for rule, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
