"""Student's t against scipy, which only tests may load."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from traindiag.analysis.student import t_quantile


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 0.9995), st.floats(1, 200))
def test_agrees_with_scipy(probability: float, freedom: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(
        stats.t.ppf(probability, freedom), rel=1e-4, abs=1e-6
    )


def test_many_degrees_are_the_normal_distribution() -> None:
    assert t_quantile(0.99, math.inf) == pytest.approx(stats.norm.ppf(0.99), rel=1e-3)
