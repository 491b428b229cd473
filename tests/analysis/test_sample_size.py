"""The size of the validation set, from the grid its accuracies lie on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.sample_size import binomial_half_width, samples_from_grid, validation_samples


@given(st.integers(5, 300), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_found_from_float32_accuracies(samples: int, seed: int) -> None:
    hits = np.random.default_rng(seed).integers(0, samples + 1, 40)
    found = samples_from_grid((hits / samples).astype(np.float32).astype(np.float64))
    assert found is None or samples % found == 0
    if samples > 40:
        assert found == samples


def test_found_from_four_printed_digits() -> None:
    hits = np.random.default_rng(0).integers(60, 142, 30)
    assert samples_from_grid(np.round(hits / 142, 4)) == 142


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_nothing_is_read_into_large_sets(seed: int) -> None:
    hits = np.random.default_rng(seed).binomial(60_000, 0.9, 30)
    assert samples_from_grid(np.round(hits / 60_000, 4)) is None


def test_too_few_values_tell_nothing() -> None:
    assert samples_from_grid(np.array([0.5, 0.5, 1.0, 0.0])) is None


def test_the_configuration_comes_first() -> None:
    assert validation_samples({"validation_samples": 64}, np.array([0.1, 0.2, 0.3])) == 64
    assert validation_samples({"validation_samples": True}, np.empty(0)) is None


@pytest.mark.parametrize(("share", "samples"), [(0.5, 100), (0.9, 40), (0.97, 1000)])
def test_interval_is_wilsons(share: float, samples: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    interval = stats.binomtest(round(share * samples), samples).proportion_ci(method="wilson")
    assert binomial_half_width(share, samples) == pytest.approx((interval.high - interval.low) / 2, rel=1e-3)
