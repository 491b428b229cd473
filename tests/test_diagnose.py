"""Verdicts do not depend on what they must not depend on, and no rule can break a report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.signals import Signals
from traindiag.diagnosis import choose_rules, diagnose_run, diagnose_runs
from traindiag.model.convert import run_from_history, runs_from_frame
from traindiag.model.errors import UsageError
from traindiag.model.finding import Finding, Severity
from traindiag.model.run import Run
from traindiag.rules.base import Rule, all_rules, find_rule
from traindiag.rules.causes import EXPLAINS, ORDER, REPLACES

EXAMPLES = [
    (f"{rule.name}: {example.name}", example)
    for rule in all_rules()
    for example in (*rule.fires_on(), *rule.silent_on())
    if "loss" in example.history
]
example_of = st.sampled_from(EXAMPLES)


def run_of(history: dict[str, list[float]], first_epoch: int = 0) -> Run:
    length = max(len(values) for values in history.values())
    return run_from_history(history, epoch=range(first_epoch, first_epoch + length))


def verdict(run: Run) -> tuple[str, str, str]:
    found = diagnose_run(run).verdict
    return found.rule, found.status, found.severity


@given(example_of, st.sampled_from([0.01, 0.37, 100.0, 1e4]))
@settings(deadline=None, max_examples=60)
def test_unit_of_the_loss_changes_nothing(named: tuple[str, object], factor: float) -> None:
    history = dict(named[1].history)  # type: ignore[attr-defined]
    scaled = {
        k: [v * factor for v in values] if k.endswith("loss") else values for k, values in history.items()
    }
    first = named[1].first_epoch  # type: ignore[attr-defined]
    assert verdict(run_of(history, first)) == verdict(run_of(scaled, first))


@given(example_of, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_order_of_rows_changes_nothing(named: tuple[str, object], random: object) -> None:
    run = run_of(dict(named[1].history), named[1].first_epoch)  # type: ignore[attr-defined]
    wide = run.wide().reset_index()
    rows = list(range(len(wide)))
    random.shuffle(rows)  # type: ignore[attr-defined]
    shuffled = run.frame.sample(frac=1, random_state=len(rows)).sort_values("epoch", kind="stable")
    again = Run(name=run.name, source=run.source, frame=shuffled, params=run.params)
    assert verdict(run) == verdict(again)


@given(example_of, st.integers(2, 9))
@settings(deadline=None, max_examples=40)
def test_labels_of_the_epochs_change_nothing(named: tuple[str, object], step: int) -> None:
    history = dict(named[1].history)  # type: ignore[attr-defined]
    length = max(len(values) for values in history.values())
    first = named[1].first_epoch  # type: ignore[attr-defined]
    relabelled = run_from_history(history, epoch=range(first, first + length * step, step))
    assert verdict(run_of(history, first)) == verdict(relabelled)


@given(example_of)
@settings(deadline=None, max_examples=40)
def test_an_added_metric_changes_nothing(named: tuple[str, object]) -> None:
    history = dict(named[1].history)  # type: ignore[attr-defined]
    length = len(history["loss"])
    first = named[1].first_epoch  # type: ignore[attr-defined]
    more = {**history, "grad_scale_custom": [float(i % 7) for i in range(length)]}
    assert verdict(run_of(history, first)) == verdict(run_of(more, first))


@given(
    st.dictionaries(
        st.sampled_from(["loss", "val_loss", "accuracy", "val_accuracy", "lr", "auc", "test_loss"]),
        st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=30),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=200)
def test_every_log_gets_exactly_one_verdict(history: dict[str, list[float | None]]) -> None:
    report = diagnose_run(run_from_history(history))
    assert not report.errored, report.errored
    assert report.verdict.rule in ORDER
    assert 0 <= report.verdict.confidence <= 1
    assert report.findings == () or report.findings[0].rule == report.verdict.rule


def test_findings_never_contradict() -> None:
    table = {"learning", "converged", "undecided", "plateau", "overfitting", "data-problem", "diverging"}
    for name, example in EXAMPLES:
        report = diagnose_run(run_of(dict(example.history), example.first_epoch))
        assert len({finding.rule for finding in report.findings} & table) <= 1, name


def test_a_failing_rule_costs_no_other_its_say() -> None:
    class Broken(Rule):
        """Broken."""

        code = "TD999"
        name = "broken"

        def judge(self, signals: Signals) -> Iterator[Finding]:
            raise ZeroDivisionError("oops")
            yield

    try:
        history = {"loss": list(np.linspace(2, 0.1, 20)), "val_loss": list(np.linspace(2, 0.2, 20))}
        report = diagnose_run(run_from_history(history), [*all_rules(), Broken])
        assert [outcome.rule for outcome in report.errored] == ["broken"]
        assert "oops" in report.errored[0].reason
        assert report.verdict.rule == "learning"
    finally:
        Rule.registry.pop("broken")


def test_select_and_ignore() -> None:
    assert {rule.name for rule in choose_rules(select=["TD101"]) if rule.status == "ill"} == {"overfitting"}
    assert "overfitting" not in {rule.name for rule in choose_rules(ignore=["overfitting"])}
    assert "converged" in {rule.name for rule in choose_rules(select=["TD101"])}
    with pytest.raises(UsageError, match="did you mean 'overfitting'"):
        choose_rules(select=["overfiting"])
    assert find_rule("td104").name == "diverging"


def test_causes_name_rules() -> None:
    names = {rule.name for rule in all_rules()}
    assert set(ORDER) <= names
    for table in (REPLACES, EXPLAINS):
        assert set(table) <= names
        for symptoms in table.values():
            assert symptoms <= names


def test_histories_and_frames_say_the_same() -> None:
    history = {"loss": list(np.linspace(2, 0.1, 20)), "val_loss": list(np.linspace(2, 0.2, 20))}
    wide = pd.DataFrame(history)
    tidy = run_from_history(history).frame
    verdicts = {
        verdict(run_from_history(history)),
        verdict(runs_from_frame(wide)[0]),
        verdict(runs_from_frame(tidy)[0]),
    }
    assert len(verdicts) == 1


def test_damage_lowers_confidence() -> None:
    from dataclasses import replace

    from traindiag.model.run import Damage

    run = run_from_history({"loss": list(np.linspace(2, 0.1, 20)), "val_loss": list(np.linspace(2, 0.2, 20))})
    damage = (Damage(path="x", place="byte 9", what="bad checksum", records=1, size=20),)
    damaged = replace(run, source=replace(run.source, damage=damage))
    assert diagnose_run(damaged).verdict.confidence < diagnose_run(run).verdict.confidence


def test_reports_keep_the_order_of_runs() -> None:
    runs = [run_from_history({"loss": [1.0, 0.5]}, name=name) for name in ("b", "a", "c")]
    report = diagnose_runs(runs)
    assert [each.name for each in report.runs] == ["b", "a", "c"]
    assert all(each.verdict.severity == Severity.NOTE for each in report.runs)


def test_direction_of_a_metric_can_be_told() -> None:
    run = run_of({"loss": [1.0, 0.8, 0.6, 0.5], "quality": [0.1, 0.3, 0.5, 0.6]})
    assert Signals(run).telling_metrics == ()
    assert [curve.metric for curve in Signals(run, {"quality": "max"}).telling_metrics] == ["quality"]
    told = diagnose_run(run, modes={"quality": "max"})
    assert {curve.metric: curve.mode for curve in told.curves}["quality"] == "max"


@pytest.mark.parametrize(
    ("train", "val", "verdict"),
    [
        (0.30, 0.40, "converged"),
        (0.99, 1.00, "stuck-at-chance"),
        (0.93, 0.96, "plateau"),  # Neither split a tenth below guessing.
        (0.60, 1.20, "plateau"),  # Validation worse than guessing.
        (0.70, 0.80, "undecided"),
    ],
)
@pytest.mark.parametrize("unit", [1.0, 250.0])
def test_what_guessing_costs_tells_the_level_of_a_flat_loss(
    train: float, val: float, verdict: str, unit: float
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.004, (2, 40))
    fall = 0.3 * np.exp(-np.arange(40) / 2)
    history = {"loss": unit * (train + fall + noise[0]), "val_loss": unit * (val + fall + noise[1])}
    history = {name: values.tolist() for name, values in history.items()}
    params = {"chance_loss": {"train": unit, "val": unit}}
    assert diagnose_run(run_from_history(history, params=params)).verdict.rule == verdict
    assert diagnose_run(run_from_history(history)).verdict.rule in (
        "undecided",
        "converged",
        "stuck-at-chance",
    )


def test_first_epochs_prove_neither_splits_that_disagree_nor_guessing() -> None:
    """Training's accuracy is a mean over each epoch and lags; a loss that just begins to fall is no failure."""
    lagging = {
        "loss": [0.74, 0.72, 0.71, 0.705, 0.70, 0.70],
        "val_loss": [0.69, 0.67, 0.66, 0.65, 0.64, 0.64],
        "accuracy": [0.46, 0.48, 0.47, 0.48, 0.49, 0.48],
        "val_accuracy": [0.65, 0.69, 0.73, 0.77, 0.77, 0.77],
    }
    assert "data-problem" not in {
        finding.rule for finding in diagnose_run(run_from_history(lagging)).findings if finding.severity.rank
    }
    slow_start = {
        "loss": [2.31, 2.30, 2.29, 2.28, 2.27, 2.26],
        "val_loss": [2.31, 2.30, 2.29, 2.28, 2.27, 2.26],
        "val_accuracy": [0.10, 0.11, 0.10, 0.11, 0.11, 0.12],
    }
    assert diagnose_run(run_from_history(slow_start)).verdict.rule == "learning"


def test_a_short_run_whose_validation_leans_down_is_learning() -> None:
    history = {
        "loss": [1.49, 0.989, 0.829, 0.75, 0.718, 0.692, 0.679, 0.672],
        "val_loss": [1.2, 1.03, 0.915, 0.89, 0.784, 0.764, 0.762, 0.739],
    }
    assert diagnose_run(run_from_history(history)).verdict.rule == "learning"


@pytest.mark.parametrize(("end", "verdict"), [(0.23, "data-problem"), (0.34, "learning")])
def test_an_accuracy_that_never_moves_while_validation_is_answered(end: float, verdict: str) -> None:
    """Labels redrawn each epoch; heavy augmentation, whose training accuracy is low but rises, is none of that."""
    noise = np.random.default_rng(0).normal(0, 1, (4, 50))
    history = {
        "loss": np.linspace(1.75, 1.45, 50) + 0.01 * noise[0],
        "val_loss": np.linspace(1.6, 1.2, 50) + 0.01 * noise[1],
        "accuracy": np.linspace(0.21, end, 50) + 0.003 * noise[2],
        "val_accuracy": np.linspace(0.3, 0.57, 50) + 0.01 * noise[3],
    }
    run = run_from_history({name: values.tolist() for name, values in history.items()})
    assert diagnose_run(run).verdict.rule == verdict
