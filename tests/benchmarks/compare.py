"""How often `traindiag compare` is right about seeds of small networks, really trained.

    python tests/benchmarks/compare.py                # 40 trainings a setting, 200 trials
    python tests/benchmarks/compare.py --seeds 30 --trials 1000

Each pair of settings is the same network on all of its training data and on less of it, so that its best
val_loss is worse by some 10 %. The data and their split stay the same; a seed changes the first weights and
the order of the batches, as it does in a CI job. Groups of three, five and ten are drawn from the trainings
without putting back. Printed: what seeds spread by, and how often a second group of the same setting is called
the same, and a group of the worse setting regressed. The goal, at five seeds a group: 95 % of both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import small_networks
from small_networks import Setting

from traindiag.comparison.compare import compare_runs
from traindiag.model.convert import run_from_history
from traindiag.model.run import Run

PAIRS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "digits, 128 units": ({"data": "digits", "hidden": (128,), "epochs": 40}, {"samples": 740}),
    "digits, 64 units": ({"data": "digits", "epochs": 40}, {"samples": 776}),
    "hastie, 128 units": ({"data": "hastie", "hidden": (128,), "epochs": 60}, {"samples": 456}),
}
SIZES = (1, 3, 5, 10)


def trainings(settings: Mapping[str, Any], seeds: range) -> list[Run]:
    """Real trainings that differ only in their seed."""
    runs = []
    for seed in seeds:
        history = small_networks.train(Setting(label="healthy", seed=seed, l2=0.003, **settings))
        shown = {name: history[name] for name in ("loss", "val_loss")}
        runs.append(run_from_history(shown, name=f"seed-{seed}"))
    return runs


def best_of(runs: Sequence[Run]) -> np.ndarray[Any, Any]:
    """Best val_loss of each run."""
    return np.array(
        [min(float(series.value.min()) for series in run.series if series.split == "val") for run in runs]
    )


def judged(first: Sequence[Run], second: Sequence[Run]) -> str:
    """What `compare` says of two groups."""
    return compare_runs({"base": first, "other": second}).contrasts[0].judgment


def trials(
    base: Sequence[Run], worse: Sequence[Run], size: int, count: int, seed: int
) -> tuple[Counter[str], Counter[str]]:
    """Verdicts on two groups of one setting, and on a group of the base and one of the worse setting."""
    random = np.random.default_rng(seed)
    same, regressed = Counter[str](), Counter[str]()
    for _ in range(count):
        order = random.permutation(len(base))
        group = [base[place] for place in order[:size]]
        again = [base[place] for place in order[size : 2 * size]]
        other = [worse[place] for place in random.permutation(len(worse))[:size]]
        same[judged(group, again)] += 1
        regressed[judged(group, other)] += 1
    return same, regressed


def shares(counts: Counter[str]) -> str:
    total = counts.total()
    return ", ".join(f"{name} {100 * number / total:.1f} %" for name, number in counts.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="trainings a setting, at least 30")
    parser.add_argument("--trials", type=int, default=200)
    arguments = parser.parse_args()
    # The split belongs to the setting here, not to the seed.
    small_networks.load = partial(_always_the_same, small_networks.load)
    reached = True
    for name, (settings, change) in PAIRS.items():
        begin = time.perf_counter()
        base = trainings(settings, range(arguments.seeds))
        worse = trainings(settings | change, range(1000, 1000 + arguments.seeds))
        ours, theirs = best_of(base), best_of(worse)
        ratio = theirs.mean() / ours.mean()
        spreads = [100 * each.std(ddof=1) / each.mean() for each in (ours, theirs)]
        print(
            f"{name}: {2 * arguments.seeds} trainings in {time.perf_counter() - begin:.0f} s; "
            f"seeds spread by {spreads[0]:.1f} % and {spreads[1]:.1f} %; worse by {100 * (ratio - 1):.1f} %"
        )
        for size in SIZES:
            same, regressed = trials(base, worse, size, arguments.trials, size)
            print(f"  {size:>2} a group   same setting: {shares(same)}")
            print(f"               worse setting: {shares(regressed)}")
            if size == 5:
                good = min(same["same"], regressed["regressed"]) >= 0.95 * arguments.trials
                reached = reached and good
    print("goal reached" if reached else "goal missed")
    return 0 if reached else 1


def _always_the_same(load: Any, name: str, seed: int) -> Any:
    return load(name, 0)


if __name__ == "__main__":
    sys.exit(main())
