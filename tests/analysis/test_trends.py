"""Smoothing, noise and trends: exact on simple curves, equal to scipy where it has the same, robust."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from traindiag.analysis.noise import point_noise, turning_fraction
from traindiag.analysis.shape import recovered_rise, shape_of
from traindiag.analysis.slope import slope_with_error, theil_sen
from traindiag.analysis.smoothing import despike, smooth
from traindiag.analysis.trends import trend_of
from traindiag.model.curve import Curve

curves = st.lists(st.integers(-(10**6), 10**6), min_size=5, max_size=60).map(
    lambda each: np.array(each) / 1000 + 1e-4 * np.sin(12.9898 * np.arange(len(each)))  # no ties
)


def curve(values: object, mode: str = "min") -> Curve:
    value = np.asarray(values, dtype=float)
    return Curve(
        metric="loss",
        split="val",
        mode=mode,  # type: ignore[arg-type]
        epoch=np.arange(len(value)),
        value=value,
        count=np.ones(len(value), dtype=np.int64),
    )


@given(curves)
@settings(deadline=None)
def test_theil_sen_is_scipys(value: np.ndarray) -> None:
    expected = stats.theilslopes(value, np.arange(len(value))).slope
    assert theil_sen(value) == pytest.approx(expected, abs=1e-9)


def test_straight_lines_are_smooth() -> None:
    line = np.linspace(3, 1, 37)
    assert smooth(line) == pytest.approx(line, abs=1e-9)
    assert point_noise(line) == pytest.approx(0, abs=1e-12)
    assert turning_fraction(line) == 0


def test_noise_is_estimated() -> None:
    random = np.random.default_rng(0)
    found = [
        point_noise(2 * np.exp(-np.arange(200) / 30) + 0.05 * random.standard_normal(200)) for _ in range(40)
    ]
    assert np.mean(found) == pytest.approx(0.05, rel=0.08)


def test_one_spike_moves_nothing() -> None:
    line = np.linspace(3, 1, 40)
    for place in (0, 7, 20, 39):
        spiked = line.copy()
        spiked[place] = 50
        assert np.max(np.abs(despike(spiked) - line)) < 0.11
        assert theil_sen(spiked) == pytest.approx(theil_sen(line), rel=0.1)


@given(curves, st.sampled_from([2.0**-10, 0.125, 64.0]))  # powers of two: ties stay ties
@settings(deadline=None)
def test_shape_follows_the_unit(value: np.ndarray, factor: float) -> None:
    plain, scaled = shape_of(curve(value)), shape_of(curve(value * factor))
    assert plain is not None
    assert scaled is not None
    for name in ("start", "best", "end", "gain", "rise", "noise", "recovered"):
        assert getattr(scaled, name) == pytest.approx(
            getattr(plain, name) * factor, rel=1e-6, abs=1e-9 * factor * 1e3
        )


def test_landmarks_of_a_valley() -> None:
    epoch = np.arange(101)
    shape = shape_of(curve(1 + ((epoch - 40) / 40) ** 2))
    assert shape is not None
    assert shape.best_epoch == pytest.approx(40, abs=1)
    assert shape.best == pytest.approx(1, abs=0.01)
    assert shape.gain == pytest.approx(1, abs=0.06)
    assert shape.rise == pytest.approx(1.5**2, rel=0.08)


def test_more_is_better_is_turned_round() -> None:
    shape = shape_of(curve([0.1, 0.4, 0.6, 0.7, 0.72], mode="max"))
    assert shape is not None
    assert shape.gain > 0


def test_recovered_rise() -> None:
    assert recovered_rise(np.array([5.0, 3, 4, 2, 1, 6])) == 1
    assert recovered_rise(np.array([5.0, 4, 3, 2])) == 0


def test_no_finite_point_has_no_shape() -> None:
    assert shape_of(curve([np.nan] * 9)) is None
    assert shape_of(curve([])) is None


@pytest.mark.parametrize(
    ("values", "direction"),
    [
        (np.linspace(3, 1, 30), "falling"),
        (np.linspace(1, 3, 30), "rising"),
        (2 * np.exp(-np.arange(80) / 8), "flat"),
        (np.full(30, 0.7), "flat"),
        (np.array([3.0, 2, 1, 1]), "undecided"),
    ],
)
def test_directions(values: np.ndarray, direction: str) -> None:
    shape = shape_of(curve(values))
    assert shape is not None
    assert trend_of(shape, 0, 0.0).direction == direction


def test_trendless_noise_is_rarely_a_trend() -> None:
    """Also correlated noise, whose wandering fools a p-value in half of all cases."""
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        noise = random.standard_normal(60)
        for index in range(1, 60):
            noise[index] += 0.8 * noise[index - 1]
        shape = shape_of(curve(5 + noise))
        assert shape is not None
        wrong += trend_of(shape, 0, 0.0).direction != "flat"
    assert wrong / 200 < 0.2


def test_slope_error_covers() -> None:
    random = np.random.default_rng(2)
    inside = 0
    for _ in range(300):
        slope, error = slope_with_error(-0.02 * np.arange(40) + 0.1 * random.standard_normal(40))
        inside += abs(slope + 0.02) < 1.96 * error
    assert 0.88 < inside / 300 < 0.99


@pytest.mark.parametrize(("raised", "direction"), [(0, "falling"), (-30, "flat")])
def test_a_fall_by_much_of_the_level_counts_where_levels_compare(raised: float, direction: str) -> None:
    shape = shape_of(curve(np.concatenate([[400, 300, 200, 100], np.linspace(20, 8, 36)]) + raised))
    assert shape is not None
    assert trend_of(shape, 0, 0.0).direction == direction
