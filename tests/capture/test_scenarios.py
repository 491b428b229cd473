from __future__ import annotations

import re

import numpy as np
import pytest

from traindiag.capture.data import DATA_SETS, load, redraw_labels
from traindiag.capture.scenarios.base import USUAL_RATES, Knobs, Scenario, all_scenarios, scenario_named
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
            stages = scenario().stages(epochs)
            assert all(len(stage) for stage in stages)
            assert max(stage.stop for stage in stages) == epochs or sum(map(len, stages)) == epochs

    def test_takes_only_what_it_says(self, scenario: type[Scenario]) -> None:
        assert set(scenario.possible_datasets()) <= set(DATA_SETS)
        assert set(scenario.possible_optimizers()) <= set(USUAL_RATES)
        for optimizer in scenario.possible_optimizers():
            settings = scenario(optimizer=optimizer).settings
            usual, own = USUAL_RATES[optimizer], USUAL_RATES[scenario.knobs.optimizer]
            assert settings.optimizer == optimizer
            assert settings.learning_rate / usual == pytest.approx(scenario.knobs.learning_rate / own)
        with pytest.raises(UsageError, match=f"{scenario.name} does not work with the data set 'cats'"):
            scenario(dataset="cats")
        with pytest.raises(UsageError, match="optimizer 'lion'"):
            scenario(optimizer="lion")

    @pytest.mark.keras
    def test_builds(self, scenario: type[Scenario]) -> None:
        """Data, network, optimizer and input fit each other: one step can be trained."""
        made = scenario()
        data = made.data(0)
        model = made.model(data, 0)
        made.compile(model, data, 4, 3)
        given = made.training_input(data, 0)
        x, y = (given["x"], given["y"]) if "y" in given else given["x"][0]
        logs = model.train_on_batch(x[:8], y[:8], return_dict=True)
        assert "loss" in logs
        assert len(made.callbacks(3)) < 4


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
@pytest.mark.parametrize("name", DATA_SETS)
def test_data_are_scaled_and_split(name: str) -> None:
    data = load(name, 3, train=200, val=90)
    (x, y), val, test = data.train, data.val, data.test
    assert val is not None
    assert x.dtype == np.float32
    assert (len(x), len(y), len(val[0])) == (200, 200, 90)
    assert 50 <= len(test[0]) <= 400
    assert data.features == x.shape[1] == val[0].shape[1] == test[0].shape[1]
    if data.classes is None:
        assert y.dtype == np.float32
        assert np.std(y) == pytest.approx(1, abs=0.3)
    else:
        assert set(y.tolist()) == set(range(data.classes))
    assert np.abs(x).max() <= 5
    assert np.abs(x.mean(axis=0)).max() < 0.1
    again, other = load(name, 3, train=200, val=90), load(name, 4, train=200, val=90)
    assert np.array_equal(again.train[0], x)
    assert not np.array_equal(other.train[0], x)
    rows = {row.tobytes() for row in x}
    for held_out in (val[0], test[0]):
        assert sum(row.tobytes() in rows for row in held_out) < 0.02 * len(held_out)


def test_a_bundled_data_set_keeps_samples_for_validation_and_test() -> None:
    data = load("breast-cancer", 0, train=1000, val=1000)
    assert data.val is not None
    sizes = [len(part[0]) for part in (data.train, data.val, data.test)]
    assert sizes == [288, 128, 153]


def test_unknown_data_set_suggests_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"did you mean moons\?"):
        load("moon", 0)


def test_redrawn_labels_are_wrong_for_the_share_asked_for() -> None:
    y = np.arange(10_000) % 10
    redrawn = redraw_labels(y, 0.9, 10, seed=5)
    # A tenth of the redrawn labels hits the right class by chance.
    assert np.mean(redrawn != y) == pytest.approx(0.81, abs=0.015)
    assert set(redrawn) == set(range(10))
    assert np.array_equal(redraw_labels(y, 0.0, 10, seed=5), y)


def test_redrawn_targets_are_drawn_from_each_other() -> None:
    y = np.linspace(-1, 1, 1000, dtype=np.float32)
    redrawn = redraw_labels(y, 0.5, None, seed=1)
    assert np.mean(redrawn != y) == pytest.approx(0.5, abs=0.06)
    assert set(redrawn.tolist()) <= set(y.tolist())


@pytest.mark.parametrize("batch_size", [1, 8])
def test_the_largest_rate_is_where_sgd_stops_to_hold(batch_size: int) -> None:
    """Drawn with replacement the error of the weights shrinks in the mean below that rate, and grows above it."""
    from traindiag.capture.scenarios.oscillating_rate import largest_rate

    random = np.random.default_rng(0)
    x = random.normal(0, [1.0, 0.5, 2.0], (200, 3))
    inputs = np.column_stack([x, np.ones(200)])

    def squared_error(rate: float) -> float:
        error = np.ones((2000, 4))
        for _ in range(30):
            batch = inputs[random.integers(0, 200, (2000, batch_size))]
            error -= 2 * rate * np.einsum("rbi,rbj,rj->ri", batch, batch, error) / batch_size
        return float(np.mean(error**2))

    rate = largest_rate(x, batch_size)
    assert squared_error(0.6 * rate) < 0.1
    assert squared_error(1.5 * rate) > 10


@pytest.mark.keras
def test_a_tiny_validation_is_drawn_anew_each_epoch() -> None:
    scenario = scenario_named("tiny-validation")()
    data = scenario.data(0)
    drawn = scenario.validation_input(data, 0)
    first, _ = drawn[0]
    drawn.on_epoch_end()
    second, _ = drawn[0]
    assert len(drawn) == 1
    assert len(first) == len(second) == 12
    assert not np.array_equal(first, second)


def test_unscaled_inputs_saturate_a_unit() -> None:
    """Whatever its weights, a unit of the first layer answers next to all samples with the same one or minus one."""
    pytest.importorskip("sklearn")
    scenario = scenario_named("unscaled-inputs")()
    x, _ = scenario.data(0).train
    weights = np.random.default_rng(0).uniform(-0.25, 0.25, (x.shape[1], 32))
    answers = np.tanh(x @ weights)
    assert np.mean(np.abs(answers) > 0.999) > 0.99
    assert np.mean(np.abs(answers.mean(axis=0)) > 0.9) > 0.9
