from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from traindiag.capture.data import Data, clusters, diabetes, digits, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario, all_scenarios, scenario_named
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.rules.base import all_rules

FIRST_SLICE = {
    "learning", "converged", "converged-early-stopping", "cosine-schedule", "step-schedule", "fine-tuned",
    "overfitting", "overfitting-mild", "data-problem", "plateau", "stuck-at-chance", "diverging", "non-finite",
    "no-validation", "too-short", "resumed", "noisy",
}  # fmt: skip


def test_all_are_found() -> None:
    assert {scenario.name for scenario in all_scenarios()} >= FIRST_SLICE


@pytest.mark.parametrize("scenario", all_scenarios(), ids=lambda scenario: scenario.name)
class TestEveryScenario:
    def test_lives_in_the_file_of_its_name(self, scenario: type[Scenario]) -> None:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", scenario.name)
        assert scenario.__module__.rpartition(".")[2] == scenario.name.replace("-", "_")

    def test_describes_itself_in_one_line(self, scenario: type[Scenario]) -> None:
        assert 20 <= len(scenario.summary()) <= 110
        assert scenario.summary().endswith(".")

    def test_expects_verdicts_that_exist(self, scenario: type[Scenario]) -> None:
        rules = {rule.name: rule for rule in all_rules()}
        assert scenario.expected
        assert set(scenario.expected) <= set(rules)
        healthy = rules[scenario.expected[0]].status != "ill"
        assert healthy == (scenario.severity is Severity.NOTE)

    def test_stages_end_with_the_epochs_asked_for(self, scenario: type[Scenario]) -> None:
        for epochs in (1, 2, 17):
            stages: Sequence[int] = scenario().stages(epochs)
            assert list(stages) == sorted(set(stages))
            assert stages[-1] == epochs
            assert stages[0] >= 1


def test_unknown_name_suggests_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"did you mean overfitting\?"):
        scenario_named("overfiting")
    with pytest.raises(UsageError, match="--list"):
        scenario_named("zzz")


def test_knobs_replace_the_scenarios_own() -> None:
    changed = Knobs(learning_rate=0.5)
    assert scenario_named("plateau")(changed).settings is changed
    assert scenario_named("plateau")().settings is scenario_named("plateau").knobs


@pytest.mark.keras
@pytest.mark.parametrize("make", [digits, diabetes, clusters])
def test_data_are_scaled_and_split(make: Callable[[int], Data]) -> None:
    data = make(3)
    (x, y), val = data.train, data.val
    assert val is not None
    assert x.dtype == np.float32
    assert len(x) == len(y)
    assert data.features == x.shape[1] == val[0].shape[1]
    assert np.abs(x).max() <= 5
    assert np.abs(x.mean(axis=0)).max() < 0.1
    again, other = make(3), make(4)
    assert np.array_equal(again.train[0], x)
    assert not np.array_equal(other.train[0], x)
    rows = {row.tobytes() for row in x}
    assert sum(row.tobytes() in rows for row in val[0]) < 0.01 * len(val[0])


def test_redrawn_labels_are_wrong_for_the_share_asked_for() -> None:
    y = np.arange(10_000) % 10
    redrawn = redraw_labels(y, 0.9, 10, seed=5)
    # A tenth of the redrawn labels hits the right class by chance.
    assert np.mean(redrawn != y) == pytest.approx(0.81, abs=0.015)
    assert set(redrawn) == set(range(10))
    assert np.array_equal(redraw_labels(y, 0.0, 10, seed=5), y)
