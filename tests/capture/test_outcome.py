from __future__ import annotations

from pathlib import Path

import pytest

from traindiag.capture.outcome import outcome_of
from traindiag.capture.scenarios.base import scenario_named

SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.mark.parametrize("name", ["overfitting", "stuck-at-chance", "too-short"])
def test_a_recorded_scenario_agrees(name: str) -> None:
    outcome = outcome_of(scenario_named(name), 0, SAMPLES / name)
    assert (outcome.scenario, outcome.found) == (name, name)
    assert outcome.agrees
    assert outcome.is_best


def test_another_right_verdict_agrees_without_being_the_best() -> None:
    outcome = outcome_of(scenario_named("fine-tuned"), 0, SAMPLES / "learning")
    assert outcome.agrees
    other = outcome_of(scenario_named("converged-early-stopping"), 0, SAMPLES / "learning")
    assert other.agrees
    assert not other.is_best


def test_a_wrong_verdict_does_not_agree() -> None:
    assert not outcome_of(scenario_named("overfitting"), 0, SAMPLES / "converged").agrees


def test_a_finding_that_is_missing_is_a_disagreement() -> None:
    scenario = scenario_named("callbacks-misconfigured")
    outcome = outcome_of(scenario, 0, SAMPLES / "converged")
    assert outcome.found == "converged"
    assert outcome.missing == ("callback-misconfigured",)
    assert not outcome.agrees


def test_no_run_and_several_runs_are_told(tmp_path: Path) -> None:
    scenario = scenario_named("converged")
    assert outcome_of(scenario, 0, tmp_path).found == "no run"
    several = outcome_of(scenario, 0, SAMPLES / "lookalikes")
    assert several.found.endswith(" runs")
    assert not several.agrees
