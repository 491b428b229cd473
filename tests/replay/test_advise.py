"""The patience advisor and the forecast."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.replay.advise import advise
from traindiag.replay.advise_json import advice_json
from traindiag.replay.advise_text import advice_text
from traindiag.replay.extrapolate import predict, stop_or_go
from traindiag.replay.patience import advise_patience, stops, waits
from traindiag.replay.policies.early_stopping import EarlyStopping
from traindiag.replay.whatif import what_if
from traindiag.reports.base import Options
from traindiag.rules.examples import decay, valley


def run_of(values, **more):
    return run_from_history({"loss": list(values), "val_loss": list(values), **more})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 10, width=16), min_size=2, max_size=30),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.5]),
)
def test_one_pass_gives_what_early_stopping_does(values, patience, delta):
    place, keep = stops(*waits(np.array([values]), delta), np.array([patience]))
    policy = EarlyStopping(patience=patience, min_delta=delta, restore_best_weights=True)
    outcome = what_if(run_of(values), [policy])
    assert (place[0, 0], keep[0, 0]) == (outcome.stop_epoch, outcome.kept_epoch)


def test_more_noise_needs_more_patience_and_a_min_delta():
    def noisy(noise):
        random = np.random.default_rng(1)
        return valley(120, 2.0, 0.5, 1.0, 50, 0.0) + noise * random.standard_normal(120)

    calm, wild = (advise(run_of(noisy(noise))).patience for noise in (0.002, 0.1))
    assert calm.recommended is not None
    assert wild.recommended is not None
    assert wild.recommended > calm.recommended
    assert wild.interval[1] >= wild.interval[0] >= calm.interval[0]
    assert wild.noise == pytest.approx(0.1, rel=0.3)


def test_recommended_patience_keeps_the_best_level():
    values = np.array(valley(120, 2.0, 0.5, 1.0, 40, 0.02, 3))
    advice = advise(run_of(values)).patience
    policy = EarlyStopping(patience=advice.recommended, min_delta=advice.min_delta, restore_best_weights=True)
    outcome = what_if(run_of(values), [policy])
    assert values[outcome.kept_epoch] <= values.min() + 4 * advice.noise
    assert outcome.stop_epoch < 119


def test_a_run_that_still_improves_recommends_nothing():
    assert advise(run_of(decay(40, 2.0, 0.1, 0.03))).patience.recommended is None


def test_higher_is_better_for_accuracy():
    rise = [1 - value for value in valley(60, 0.9, 0.1, 0.4, 20, 0.01)]
    advice = advise(run_of(decay(60, 2.0, 0.3), val_accuracy=rise), "val_accuracy").patience
    assert (advice.mode, advice.best) == ("max", max(rise))
    assert advice.recommended is not None


def test_too_short_and_unknown_are_named():
    with pytest.raises(UsageError, match="too few"):
        advise(run_of([1.0, 0.5, 0.2]))
    with pytest.raises(UsageError, match="val_loss"):
        advise(run_of(decay(20, 1.0, 0.1)), "val_los")


def test_forecast_finds_a_power_law():
    time = np.arange(200)
    truth = 0.3 + 2.0 * (time + 3.0) ** -0.7
    seen = truth[:100] + 0.005 * np.random.default_rng(0).standard_normal(100)
    level, low, high = predict(seen, 100)
    assert level == pytest.approx(truth[-1], abs=0.02)
    assert low < truth[-1] < high


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-5, 5))
def test_forecast_has_the_unit_of_the_curve(exponent, shift):
    seen = np.array(decay(40, 2.0, 0.3, 0.08, 0.02))
    factor = 10.0**exponent
    plain, moved = stop_or_go(seen, "min"), stop_or_go(seen * factor + shift * factor, "min")
    assert moved.answer == plain.answer
    assert moved.value == pytest.approx((plain.value + shift) * factor, rel=1e-3, abs=1e-3 * factor)


def test_answers():
    flat = np.concatenate([decay(30, 2.0, 0.3, 0.4), np.full(60, 0.3)])
    assert stop_or_go(flat + 0.003 * np.random.default_rng(0).standard_normal(90), "min").answer == "stop"
    assert stop_or_go(np.array([1.0, np.nan] * 10), "min").answer == "cannot tell"
    assert stop_or_go(np.ones(5), "min").answer == "cannot tell"
    noise = np.random.default_rng(0).standard_normal(30)
    assert stop_or_go(noise, "min").answer != "go on"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("ascii", [False, True])
def test_text_fits(width, ascii):
    advices = [advise(run_of(valley(60, 2.0, 0.5, 1.0, 20, 0.03))), advise(run_of(decay(40, 2.0, 0.1, 0.03)))]
    text = advice_text(advices, Options(width=width, ascii=ascii))
    assert max(map(len, text.splitlines())) <= width
    assert "EarlyStopping('val_loss', patience=" in " ".join(text.split())
    assert text.isascii() or not ascii


def test_json():
    [run] = json.loads(advice_json([advise(run_of(valley(60, 2.0, 0.5, 1.0, 20, 0.03)))]))["runs"]
    assert len(run["curve"]) == 60
    assert run["outlook"]["answer"] in ("stop", "go on", "cannot tell")


def test_advice_is_the_same_every_time():
    curve = next(each for each in run_of(valley(60, 2.0, 0.5, 1.0, 20, 0.03)).curves() if each.split == "val")
    first, second = advise_patience(curve), advise_patience(curve)
    assert (first.recommended, first.interval, first.safety) == (
        second.recommended,
        second.interval,
        second.safety,
    )
