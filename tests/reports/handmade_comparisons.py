"""Comparisons of made-up runs, as the tests of their formats need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from traindiag.comparison.compare import compare_runs
from traindiag.comparison.shapes import ComparisonReport
from traindiag.model.convert import run_from_history
from traindiag.model.report import Unreadable
from traindiag.model.run import Run

HOSTILE = (
    "a|b <img src=x onerror=alert(1)></script> [l](http://x) @all #1 `c` *d* \x1b[31m\u202e::error::\n=1+1"
)


def seeds(group: str, *bests: float, epochs: int = 30) -> list[Run]:
    """Runs whose val_loss falls from 2 to each of the bests, an epoch of which takes two seconds."""
    return [_run(f"{group}/seed-{number}", best, epochs) for number, best in enumerate(bests)]


def _run(name: str, best: float, epochs: int) -> Run:
    values = best + (2 - best) * np.exp(-np.arange(epochs) / 5)
    values[-1] = best
    history = {"loss": values, "val_loss": values, "val_accuracy": 1 - values / 3}
    # Rounded, for the last digit of an exponential is another on another processor.
    lists = {key: each.round(6).tolist() for key, each in history.items()} | {"epoch_time": [2.0] * epochs}
    return run_from_history(lists, name=name)


def report_of(groups: Mapping[str, Sequence[Run]], *metrics: str | None) -> ComparisonReport:
    """The groups compared by each of the metrics."""
    comparisons = tuple(compare_runs(groups, metric=metric) for metric in metrics or (None,))
    return ComparisonReport(comparisons=comparisons, version="0.1.0")


def good() -> ComparisonReport:
    """Nothing got worse."""
    return report_of(
        {
            "main": seeds("main", 0.5, 0.505, 0.495),
            "twin": seeds("twin", 0.502, 0.498, 0.505),
            "faster": seeds("faster", 0.4, 0.404, 0.396),
        }
    )


def ill() -> ComparisonReport:
    """One group got worse by both metrics, of one nothing can be told; one file was no log."""
    groups = {
        "main": seeds("main", 0.5, 0.505, 0.495),
        "new": seeds("new", 0.55, 0.555, 0.545, epochs=20),
        "wild": seeds("wild", 0.3, 0.5, 0.7),
    }
    found = report_of(groups, "val_loss", "val_accuracy")
    unreadable = (Unreadable(path="new/notes.csv", message="no header"),)
    return ComparisonReport(comparisons=found.comparisons, unreadable=unreadable, version="0.1.0")


def hostile() -> ComparisonReport:
    """Names that would like to be something else."""
    groups = {"main": seeds(HOSTILE, 0.5, 0.505, 0.495), HOSTILE: seeds(HOSTILE, 0.55, 0.555, 0.545)}
    unreadable = (Unreadable(path=HOSTILE, message=HOSTILE),)
    return ComparisonReport(comparisons=report_of(groups).comparisons, unreadable=unreadable, version="0.1.0")


def many(count: int) -> ComparisonReport:
    """More groups than there are colours, or annotations that GitHub shows."""
    groups = {"main": seeds("main", 0.5, 0.505, 0.495)}
    return report_of(groups | {f"worse-{n}": seeds(f"worse-{n}", 0.6, 0.61, 0.59) for n in range(count)})


def broken() -> ComparisonReport:
    """Nothing finite, on one side and on both."""
    nothing = run_from_history({"loss": [1.0] * 8, "val_loss": [float("nan")] * 8}, name="nothing")
    return report_of({"main": [nothing], "fine": seeds("fine", 0.5), "also": [nothing]})
