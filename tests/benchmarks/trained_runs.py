"""Trains the scenarios over a grid of data sets, optimizers and seeds: labelled runs to measure the diagnosis by.

    python tests/benchmarks/trained_runs.py OUT --seeds 3                  # every scenario, data set and optimizer
    python tests/benchmarks/trained_runs.py OUT --scenario overfitting --seeds 10 --first-seed 100
    KERAS_BACKEND=jax python tests/benchmarks/trained_runs.py OUT         # ten times as fast as on TensorFlow

One process, one run after the other, each from a fresh Keras state. A run leaves ``OUT/runs/NAME/log.csv`` (what
CSVLogger writes) and ``run.json``; ``OUT/manifest.csv`` has one line a run: its folder, scenario, data set, optimizer,
seed, ``healthy``, ``ill`` or ``unjudged``, the verdicts that are right, findings that must stand beside them, whether
its group is kept aside (groups.toml), and whether the fault showed on test samples that nobody else sees (witness.py).
What is there already is not trained again, so a grid that was broken off goes on where it was. OUT must lie outside
the repository.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

# Networks this small are multiplied faster by one thread; numpy asks once, when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import witness

HERE = Path(__file__).parent
GROUPS = tomllib.loads((HERE / "groups.toml").read_text())["trained"]
COLUMNS = ("folder", "scenario", "dataset", "optimizer", "seed", "status", "accepted", "findings", "severity",
           "aside", "shows", "epochs", "seconds")  # fmt: skip


TIMED = ("input-bound", "slowing-down")
"""Scenarios whose outcome is in the seconds of a machine that has nothing else to do; not part of the grid."""


@dataclass(frozen=True, order=True)
class Cell:
    """One run of the grid."""

    seed: int
    scenario: str
    dataset: str
    optimizer: str

    @property
    def name(self) -> str:
        return f"{self.scenario}.{self.dataset}.{self.optimizer}.{self.seed}"

    @property
    def aside(self) -> bool:
        return self.dataset in GROUPS["aside_data"] or self.optimizer in GROUPS["aside_optimizers"]


class Record:
    """Keeps what is needed of one run in memory: the metrics, and the loss of the test samples."""

    def __init__(self, test: Any, classes: int | None) -> None:
        self.test, self.classes = test, classes
        self.rows: list[dict[str, float]] = []
        self.losses: list[float] = []
        self.skills: list[float] = []

    def console(self) -> nullcontext[None]:
        return nullcontext()

    def callbacks(self, first_epoch: int) -> list[Any]:
        import keras

        from traindiag.capture.callbacks import learning_rate_logger

        base: Any = keras.callbacks.Callback
        outer = self

        class Keep(base):  # type: ignore[misc]
            def on_train_begin(self, logs: Any = None) -> None:
                if not outer.losses:
                    outer.look(self.model)

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                outer.rows.append({"epoch": epoch, **{name: float(value) for name, value in logs.items()}})
                outer.look(self.model)

        return [learning_rate_logger(), Keep()]

    def look(self, model: Any) -> None:
        """Loss and skill of the test samples now."""
        if hasattr(model, "jax_state_sync"):
            model.jax_state_sync()
        x, y = self.test
        with np.errstate(all="ignore"):
            output = np.asarray(answers(model, x), dtype=np.float64)
            loss, skill = measured(output, y, self.classes)
        self.losses.append(loss)
        self.skills.append(skill)


def _softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": _softmax,
}


def answers(model: Any, x: Any) -> Any:
    """What a network of dense layers answers, in numpy: a backend would compile every operation for every shape."""
    for layer in model.layers:
        for kernel, bias in [layer.get_weights()] if layer.weights else []:
            x = x @ kernel + bias
        if hasattr(layer, "activation"):
            x = ACTIVATIONS[layer.activation.__name__](x)
    return x


def measured(output: Any, y: Any, classes: int | None) -> tuple[float, float]:
    """Loss and skill of a network's answers.

    Args:
        output: shape (n, width): class probabilities, one probability, or one target.
        y: classes or targets.
        classes: None for regression.
    """
    if classes is None:
        error = float(np.mean((output[:, 0] - y) ** 2))
        return error, 1 - error / float(np.var(y))
    if output.shape[1] == 1:
        output = np.hstack([1 - output, output])
    right = np.clip(output[np.arange(len(y)), y], 1e-7, None)
    prior = float(np.bincount(y).max() / len(y))
    accuracy = float(np.mean(output.argmax(1) == y))
    return float(np.mean(-np.log(right))), (accuracy - prior) / (1 - prior)


def cells(scenarios: list[str], datasets: list[str], optimizers: list[str], seeds: range) -> Iterator[Cell]:
    """The grid, seed by seed, so that a part of it is a smaller grid."""
    from traindiag.capture.scenarios.base import all_scenarios

    for seed in seeds:
        for scenario in all_scenarios():
            if scenarios and scenario.name not in scenarios:
                continue
            for dataset in scenario.possible_datasets():
                for optimizer in scenario.possible_optimizers():
                    if (not datasets or dataset in datasets) and (not optimizers or optimizer in optimizers):
                        yield Cell(seed, scenario.name, dataset, optimizer)


def thinned(grid: list[Cell], most: int) -> list[Cell]:
    """At most so many runs of each scenario and seed: its own setting first, then half of them of groups kept aside.

    Every seed gets the same settings, so that each network is compiled once.
    """
    groups: dict[tuple[int, str], list[Cell]] = defaultdict(list)
    for cell in grid:
        groups[cell.seed, cell.scenario].append(cell)
    chosen: list[Cell] = []
    for (_, scenario), mine in groups.items():
        random = np.random.default_rng(list(scenario.encode()))
        rest = [mine[1 + int(index)] for index in random.permutation(len(mine) - 1)]
        aside = [cell for cell in rest if cell.aside]
        others = [cell for cell in rest if not cell.aside]
        half = min(most // 2, len(aside))
        chosen.extend([mine[0], *aside[:half], *others[: most - 1 - half]])
    return chosen


def train(cell: Cell, folder: Path) -> dict[str, Any]:
    """Trains one cell into a folder and gives its line of the manifest, with what the witness needs."""
    from traindiag.capture.recording import write_facts
    from traindiag.capture.scenarios.base import scenario_named
    from traindiag.capture.train import fit_scenario

    begin = time.perf_counter()
    kind = scenario_named(cell.scenario)
    scenario = kind(dataset=cell.dataset, optimizer=cell.optimizer)
    data = scenario.data(cell.seed)
    record = Record(data.test, data.classes)
    facts = fit_scenario(scenario, record, cell.seed, scenario.epochs, verbose=0)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in record.rows for name in row))
    with (folder / "log.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(record.rows)
    seconds = round(time.perf_counter() - begin, 3)
    write_facts(folder, {"scenario": cell.scenario, "seed": cell.seed, **facts})
    return {
        "folder": f"runs/{cell.name}", "scenario": cell.scenario, "dataset": cell.dataset,
        "optimizer": cell.optimizer, "seed": cell.seed, "aside": cell.aside,
        "epochs": len(record.rows), "seconds": seconds,
        "history": {name: [row.get(name, float("nan")) for row in record.rows] for name in names},
        "test": record.losses, "skill": record.skills,
    }  # fmt: skip


def forget_compiled() -> None:
    """Lets go of compiled networks: JAX keeps all of a process in memory, and has them on disk as well."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


def manifest(out: Path) -> list[dict[str, Any]]:
    """All runs trained so far, with the columns that follow from the others: written to ``manifest.csv``."""
    from traindiag.capture.scenarios.base import Scenario, all_scenarios
    from traindiag.rules.base import find_rule

    all_scenarios()
    with (out / "runs.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    sound: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if "converged" in Scenario.registry[row["scenario"]].expected:
            sound[row["dataset"]].append((min(row["test"]), float(np.mean(row["skill"][-3:]))))
    for row in rows:
        kind = Scenario.registry[row["scenario"]]
        reference = np.median(sound.get(row["dataset"]) or [(np.nan, np.nan)], axis=0)
        seen = witness.Seen(
            scenario=row["scenario"],
            history=row["history"],
            start=row["test"][0],
            test=np.asarray(row["test"][1:], dtype=float),
            skill=np.asarray(row["skill"][1:], dtype=float),
            reference=float(reference[0]),
            reference_skill=float(reference[1]),
        )
        row["shows"] = witness.shows(seen, kind.expected)
        row["status"] = find_rule(kind.expected[0]).status
        # How far a healthy run has got by its last epoch depends on the data set: both answers are right.
        also = ("learning",) if kind.expected[0] == "converged" and row["dataset"] != kind.dataset else ()
        row["accepted"] = ";".join(dict.fromkeys((*kind.expected, *also)))
        row["findings"] = ";".join(kind.findings)
        row["severity"] = str(kind.severity)
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def print_summary(rows: list[dict[str, Any]]) -> None:
    """How many runs of each scenario there are, how many of them show what they should, how many are aside."""
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_name[row["scenario"]].append(row)
    print(f"{'scenario':<26}{'runs':>6}{'shows':>7}{'aside, shows':>14}{'s/run':>8}   right verdicts")
    for name, mine in sorted(by_name.items()):
        true = [row for row in mine if row["shows"]]
        aside = sum(row["aside"] for row in true)
        seconds = float(np.median([row["seconds"] for row in mine]))
        print(f"{name:<26}{len(mine):>6}{len(true):>7}{aside:>14}{seconds:>8.2f}   {mine[0]['accepted']}")
    aside = [row for row in rows if row["shows"] and row["aside"]]
    healthy = sum(row["status"] == "healthy" for row in aside)
    print(f"{len(rows)} runs; aside and showing: {healthy} healthy, {len(aside) - healthy} ill")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--scenario", nargs="*", default=[])
    parser.add_argument("--without", nargs="*", default=[], help="scenarios to leave out")
    parser.add_argument("--dataset", nargs="*", default=[])
    parser.add_argument("--optimizer", nargs="*", default=[])
    parser.add_argument("--most", type=int, default=4, help="runs of one scenario and seed")
    parser.add_argument("--aside", action="store_true", help="only what groups.toml keeps aside")
    parser.add_argument(
        "--manifest", action="store_true", help="train nothing, write the manifest of what is there"
    )
    parser.add_argument("--minutes", type=float, default=25.0, help="begin no run after this")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    if out.is_relative_to(HERE.parents[1]):
        parser.error("OUT must lie outside the repository")
    if arguments.manifest:
        print_summary(manifest(out))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    os.nice(10)
    for variable, value in {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Networks of one shape are compiled once, for all seeds and learning rates.
        "JAX_COMPILATION_CACHE_DIR": str(out / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        # Compiling costs more than such networks ever win by it.
        "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false",
    }.items():
        os.environ.setdefault(variable, value)
    # Keras collects garbage before each run; what is imported need not be looked at each time.
    import_module("keras")
    gc.freeze()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    grid = thinned(
        [
            cell
            for cell in cells(arguments.scenario, arguments.dataset, arguments.optimizer, seeds)
            if cell.scenario not in (*TIMED, *arguments.without)
        ],
        arguments.most,
    )
    if arguments.aside:
        grid = [cell for cell in grid if cell.aside]
    begin, trained = time.perf_counter(), 0
    with (out / "runs.jsonl").open("a") as lines:
        for cell in grid:
            folder = out / "runs" / cell.name
            if (folder / "run.json").exists():
                continue
            if time.perf_counter() - begin > 60 * arguments.minutes:
                print("out of time")
                break
            lines.write(json.dumps(train(cell, folder)) + "\n")
            lines.flush()
            trained += 1
            if trained % 25 == 0:
                forget_compiled()
    seconds = time.perf_counter() - begin
    print_summary(manifest(out))
    print(f"{trained} runs trained in {seconds:.0f} s ({seconds / max(trained, 1):.2f} s a run)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
