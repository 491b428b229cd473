"""How often the verdict is right: on labelled runs and on small networks of groups kept aside.

    python tests/benchmarks/diagnosis.py                 # the groups kept aside (groups.toml, small_networks.ASIDE_*)
    python tests/benchmarks/diagnosis.py --tuning        # the groups thresholds are fixed on
    python tests/benchmarks/diagnosis.py --seeds 6       # more networks
    python tests/benchmarks/diagnosis.py --trained OUT   # Keras runs too, that trained_runs.py left in OUT
    python tests/benchmarks/diagnosis.py --networks F    # the networks that small_networks.py left in F

Prints, for each source: recall and precision of each label with Wilson intervals, macro recall and macro-F1,
false alarms at warning or above on healthy runs, contradictions, calibration of the confidence, and how many
verdicts stay under scaling, noise, one spiked epoch and thinning.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import pickle
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import small_networks

from traindiag import read
from traindiag.diagnosis import diagnose_run
from traindiag.model.convert import run_from_history
from traindiag.model.finding import Severity
from traindiag.model.report import RunReport
from traindiag.model.run import Run

HERE = Path(__file__).parent
LABELLED = HERE.parents[1].parent / "shared" / "data" / "labelled"
GROUPS = tomllib.loads((HERE / "groups.toml").read_text())
HEALTHY = frozenset({"healthy", "still_learning"})
CONTRADICTIONS = (
    {"learning", "overfitting"}, {"learning", "plateau"}, {"converged", "plateau"}, {"diverging", "plateau"},
    {"diverging", "learning"}, {"overfitting", "underfitting"}, {"slow-learning", "diverging"},
    {"stuck-at-chance", "converged"}, {"stuck-at-chance", "overfitting"},
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A labelled run.

    Attributes:
        accepted: the verdicts that are right, the label's own first.
        findings: what is rightly found beside the verdict, and no false alarm.
        history: Keras' names to one value an epoch.
        run: what was read from the run's folder, with the settings in it; None where there is only a history.
    """

    source: str
    name: str
    label: str
    accepted: tuple[str, ...]
    healthy: bool
    history: Mapping[str, list[float]]
    first_epoch: int = 0
    run: Run | None = None
    findings: frozenset[str] = frozenset()

    def report(self, history: Mapping[str, list[float]] | None = None, step: int = 1) -> RunReport:
        if history is None and self.run is not None:
            return diagnose_run(self.run)
        history = history or self.history
        length = len(history["loss"])
        epochs = range(self.first_epoch, self.first_epoch + length * step, step)
        return diagnose_run(run_from_history(history, name=self.name, epoch=epochs))


def case_of(
    source: str, name: str, label: str, history: Mapping[str, list[float]], first_epoch: int = 0
) -> Case:
    """A case whose right verdicts stand in groups.toml."""
    return Case(source, name, label, tuple(GROUPS["accepted"][label]), label in HEALTHY, history, first_epoch)


def labelled(source: str, aside: bool) -> Iterator[Case]:
    """The runs of one labelled set, of the groups kept aside or of the others."""
    folder = LABELLED / source
    if not folder.exists():
        print(f"{source}: not measured, {folder.name} is not here")
        return
    series: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(folder / "history.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            for key, value in row.items():
                # An empty loss was NaN; an empty accuracy is a regression's, which has none.
                if key not in ("case", "epoch") and (value != "" or key.endswith("loss")):
                    series[row["case"]][key].append(float(value or "nan"))
    for row in csv.DictReader((folder / "labels.csv").open()):
        if (row["group"] in GROUPS["aside"][source]) == aside:
            yield case_of(source, row["case"], row["labels"], series[row["case"]])


def networks(aside: bool, seeds: int, file: Path | None) -> Iterator[Case]:
    """Small networks, trained now or before; their labels are checked against a test split that no rule sees."""
    if file is None:
        runs = small_networks.labelled_runs(range(100, 100 + seeds), aside)
    else:
        # small_networks.py wrote the file as the main program.
        sys.modules["__main__"].Setting = small_networks.Setting  # type: ignore[attr-defined]
        runs = iter(pickle.loads(file.read_bytes()))
    for setting, history in runs:
        if history is not None:
            shown = {
                name: values
                for name, values in history.items()
                if not name.startswith("test_") and name != "learning_rate"
            }
            name = f"{setting.data}/{setting.optimizer}/{setting.seed}/{setting.notes['kind']}"
            yield case_of("networks", name, setting.label, shown, setting.notes.get("first_epoch", 0))


def trained(out: Path, aside: bool) -> Iterator[Case]:
    """Keras runs of `traindiag train`'s scenarios that showed what they should to samples nobody else saw."""
    for row in csv.DictReader((out / "manifest.csv").open()):
        if row["shows"] != "True" or (row["aside"] == "True") != aside:
            continue
        run = read(out / row["folder"])
        history = {name: values.tolist() for name, values in run.wide().items()}
        yield Case(
            source="trained",
            name=row["folder"],
            label=row["scenario"],
            accepted=tuple(row["accepted"].split(";")),
            healthy=row["status"] == "healthy",
            history=history,
            run=run,
            findings=frozenset(row["findings"].split(";")),
        )


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, JASA 22, 1927)."""
    if total == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / total
    middle, half = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return max(middle - half, 0.0) / (1 + z * z / total), (middle + half) / (1 + z * z / total)


def alarms(report: RunReport) -> list[str]:
    return [finding.rule for finding in report.findings if finding.severity.rank >= Severity.WARNING.rank]


def print_labels(cases: list[Case], reports: list[RunReport]) -> None:
    """Recall and precision of each label, and the macro figures."""
    labels = sorted({case.label for case in cases})
    recalls, scores = [], []
    pairs = list(zip(cases, reports, strict=True))
    print(f"{'label':<26}{'runs':>6}{'recall':>8}{'95 % interval':>16}{'precision':>11}   taken for")
    for label in labels:
        mine = [(case, report) for case, report in pairs if case.label == label]
        hits = sum(report.verdict.rule in case.accepted for case, report in mine)
        main = mine[0][0].accepted[0]
        claimed = [case for case, report in pairs if report.verdict.rule == main]
        true = sum(main in case.accepted for case in claimed)
        precision = true / len(claimed) if claimed else float("nan")
        recall = hits / len(mine)
        low, high = wilson(hits, len(mine))
        missed = Counter(r.verdict.rule for case, r in mine if r.verdict.rule not in case.accepted)
        others = ", ".join(f"{name} {count}" for name, count in missed.most_common(4))
        print(f"{label:<26}{len(mine):>6}{recall:>8.3f}{low:>9.3f}-{high:.3f}{precision:>11.3f}   {others}")
        recalls.append(recall)
        if not math.isnan(precision):
            scores.append(2 * precision * recall / max(precision + recall, 1e-9))
    print(f"macro recall {np.mean(recalls):.3f}, macro-F1 {np.mean(scores):.3f}")
    healthy = [(case, report) for case, report in pairs if case.healthy]
    false = [
        (report.name, wrong)
        for case, report in healthy
        if (wrong := [rule for rule in alarms(report) if rule not in case.findings])
    ]
    low, high = wilson(len(false), len(healthy))
    print(f"false alarms on healthy runs: {len(false)} of {len(healthy)} ({low:.3f}-{high:.3f})")
    for name, wrong in false[:12]:
        print(f"    {name}: {', '.join(wrong)}")
    bad = [r for r in reports if any(pair <= {f.rule for f in r.findings} for pair in CONTRADICTIONS)]
    print(f"contradictions: {len(bad)} of {len(reports)}")


def print_overfit(cases: list[Case], reports: list[RunReport]) -> None:
    """simulated_overfit: overfit or not, at error level."""
    truth = np.array([case.label == "overfit" for case in cases])
    said = np.array(
        [r.verdict.rule == "overfitting" and r.verdict.severity == Severity.ERROR for r in reports]
    )
    scores = []
    for positive in (True, False):
        hits = int(np.sum((truth == positive) & (said == positive)))
        precision = hits / max(int(np.sum(said == positive)), 1)
        recall = hits / max(int(np.sum(truth == positive)), 1)
        scores.append(2 * precision * recall / max(precision + recall, 1e-9))
        print(f"{'overfit' if positive else 'not overfit':<12} precision {precision:.3f} recall {recall:.3f}")
    print(
        f"macro-F1 at error level {np.mean(scores):.3f} ({int(truth.sum())} overfit, {int((~truth).sum())} not)"
    )


def print_calibration(cases: Iterable[Case], reports: Iterable[RunReport]) -> None:
    """Of the verdicts given with a confidence, how many were right."""
    bins: dict[int, list[bool]] = defaultdict(list)
    for case, report in zip(cases, reports, strict=True):
        if report.verdict.status != "unjudged":
            bins[min(int(report.verdict.confidence * 10), 9)].append(report.verdict.rule in case.accepted)
    print("confidence   verdicts   right")
    for key in sorted(bins):
        print(f"{key / 10:.1f}-{key / 10 + 0.1:.1f}   {len(bins[key]):>10}   {np.mean(bins[key]):.3f}")


def print_robustness(cases: list[Case], reports: list[RunReport]) -> None:
    """How many verdicts stay when the curve is changed in ways that change nothing.

    The curve alone is judged, before and after: what a run's folder tells besides would stay as it is.
    """
    reports = [
        report if case.run is None else case.report(case.history)
        for case, report in zip(cases, reports, strict=True)
    ]
    random = np.random.default_rng(0)

    def losses(case: Case, change: object) -> dict[str, list[float]]:
        return {
            k: change(np.array(v)).tolist() if k.endswith("loss") else list(v)
            for k, v in case.history.items()
        }  # type: ignore[operator]

    def spiked(value: np.ndarray) -> np.ndarray:
        return np.append(value[:-1], value[-1] * 1.3)

    def noisy(value: np.ndarray) -> np.ndarray:
        return value * (1 + 0.03 * random.standard_normal(len(value)))

    errors = [(c, r) for c, r in zip(cases, reports, strict=True) if r.verdict.severity == Severity.ERROR]
    long = [(c, r) for c, r in zip(cases, reports, strict=True) if len(c.history.get("loss", ())) >= 100]
    every = list(zip(cases, reports, strict=True))
    trials = {
        "loss x 100": (every, lambda c: c.report(losses(c, lambda v: v * 100))),
        "loss x 0.01": (every, lambda c: c.report(losses(c, lambda v: v * 0.01))),
        "3 % noise (error level)": (errors, lambda c: c.report(losses(c, noisy))),
        "last epoch x 1.3 (error level)": (errors, lambda c: c.report(losses(c, spiked))),
        "every tenth epoch (long runs)": (
            long, lambda c: c.report({k: list(v[::10]) for k, v in c.history.items()}, step=10)),
    }  # fmt: skip
    for name, (chosen, change) in trials.items():
        same = sum(change(case).verdict.rule == report.verdict.rule for case, report in chosen)
        print(f"{name:<32} {same} of {len(chosen)} verdicts stay ({same / max(len(chosen), 1):.3f})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tuning", action="store_true", help="the groups thresholds are fixed on")
    parser.add_argument("--seeds", type=int, default=2, help="networks for each setting")
    parser.add_argument("--networks", type=Path, help="file of networks trained before")
    parser.add_argument("--trained", type=Path, help="folder of Keras runs, see trained_runs.py")
    arguments = parser.parse_args()
    aside = not arguments.tuning
    sources = {
        "seeded_faults": list(labelled("seeded_faults", aside)),
        "simulated_overfit": list(labelled("simulated_overfit", aside)),
        "networks": list(networks(aside, arguments.seeds, arguments.networks)) if arguments.seeds else [],
        "trained": list(trained(arguments.trained, aside)) if arguments.trained else [],
    }
    print(f"groups {'kept aside' if aside else 'used for tuning'}")
    for source, cases in sources.items():
        if not cases:
            continue
        reports = [case.report() for case in cases]
        print(f"\n== {source}: {len(cases)} runs")
        if source == "simulated_overfit":
            print_overfit(cases, reports)
            continue
        print_labels(cases, reports)
        print_calibration(cases, reports)
        print_robustness(cases, reports)
    return 0


if __name__ == "__main__":
    sys.exit(main())
