"""Is the first remedy worth something? Trains ill scenarios, applies it, trains again, compares val_loss.

    python tests/benchmarks/remedies.py [--seeds 3] [SCENARIO...]

The remedy is the first one of the diagnosis of the recorded log, with its own numbers. What is compared is the
val_loss of the model that one ends up with: the last epoch's, or that of the best weights where early stopping
restores them. Exit code 1 if a remedy does not improve a run, or if there is none.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traindiag.capture.scenarios.base import Knobs
    from traindiag.model.finding import Remedy

ILL = ("plateau", "overfitting", "diverging")
NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"


def numbers(pattern: str, remedy: Remedy) -> float:
    """The number that `pattern` finds in a remedy's snippet, else in its change.

    Raises:
        LookupError: there is none; the remedy is not concrete.
    """
    for text in (remedy.snippet, remedy.change):
        found = re.search(pattern, text)
        if found:
            return float(found[1])
    raise LookupError(f"no number for {remedy.action}: {remedy.change}")


def new_rate(knobs: Knobs, remedy: Remedy) -> Knobs:
    """The learning rate the remedy names."""
    return replace(knobs, learning_rate=numbers(rf"learning_rate = {NUMBER}\b", remedy))


def new_batch(knobs: Knobs, remedy: Remedy) -> Knobs:
    """The batch size the remedy names."""
    return replace(knobs, batch_size=int(numbers(rf"batch_size={NUMBER}", remedy)))


def stop_early(knobs: Knobs, remedy: Remedy) -> Knobs:
    """EarlyStopping with the remedy's patience."""
    return replace(knobs, patience=int(numbers(rf"patience={NUMBER}", remedy)))


def regularise(knobs: Knobs, remedy: Remedy) -> Knobs:
    """The remedy's dropout rate and weight decay."""
    decay, rate = numbers(rf"L2\({NUMBER}\)", remedy), numbers(rf"Dropout\({NUMBER}\)", remedy)
    return replace(knobs, dropout=rate, l2=decay)


def clip(knobs: Knobs, remedy: Remedy) -> Knobs:
    """The remedy's limit of the gradient norm."""
    return replace(knobs, clipnorm=numbers(rf"clipnorm={NUMBER}", remedy))


APPLY: dict[str, Callable[[Knobs, Remedy], Knobs]] = {
    "lower-learning-rate": new_rate,
    "raise-learning-rate": new_rate,
    "smaller-batch": new_batch,
    "larger-batch": new_batch,
    "early-stopping": stop_early,
    "regularise": regularise,
    "clip-gradients": clip,
}


def outcome(history: dict[str, list[float]], knobs: Knobs) -> float:
    """The val_loss of the model that is left at the end; infinite where it is NaN."""
    values = [value if math.isfinite(value) else math.inf for value in history["val_loss"]]
    return min(values) if knobs.patience is not None else values[-1]


def treat(name: str, seed: int, folder: Path) -> bool:
    """Trains, diagnoses, applies the first remedy and trains again; whether val_loss improved."""
    from traindiag.api import diagnose, read
    from traindiag.capture.scenarios.base import scenario_named
    from traindiag.capture.train import train_scenario

    knobs = scenario_named(name).knobs
    before = train_scenario(name, folder / "before", seed=seed)
    report = diagnose(read(folder / "before")).runs[0]
    head = f"{name:<18} {seed:>4}  {report.verdict.rule:<16}"
    remedies = report.findings[0].remedies if report.findings else ()
    if not remedies or remedies[0].action not in APPLY:
        print(f"{head} no remedy that can be applied: {[remedy.action for remedy in remedies]}")
        return False
    changed = APPLY[remedies[0].action](knobs, remedies[0])
    after = train_scenario(name, folder / "after", seed=seed, knobs=changed)
    old, new = outcome(before.history, knobs), outcome(after.history, changed)
    print(
        f"{head} {old:>10.4g} {new:>10.4g}  {'improved' if new < old else 'not improved':<13} {remedies[0].change}"
    )
    return new < old


def main(arguments: list[str] | None = None) -> int:
    """Treats each scenario for each seed; 1 if a remedy did not help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=ILL)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{'scenario':<18} seed  {'verdict':<16} {'val before':>10} {'val after':>10}  {'':<13} remedy")
    improved = True
    for name in chosen.scenarios:
        for seed in range(chosen.seeds):
            with tempfile.TemporaryDirectory() as folder:
                improved &= treat(name, seed, Path(folder))
    return 0 if improved else 1


if __name__ == "__main__":
    sys.exit(main())
