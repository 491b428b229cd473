"""Long curves are smoothed as short ones are, without a matrix of their length squared."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from traindiag.analysis.smoothing import MAX_POINTS, despike, local_linear_operator, smooth


@pytest.mark.parametrize("window", [3, 5, 15, 51])
@pytest.mark.parametrize("count", [MAX_POINTS + 1, 777])
def test_a_long_curve_is_smoothed_by_the_operator_of_its_length(count: int, window: int) -> None:
    value = np.cumsum(np.random.default_rng(count).normal(size=count))
    whole = local_linear_operator(count, window) @ despike(value)
    np.testing.assert_allclose(smooth(value, window), whole, rtol=1e-9, atol=1e-9)


def test_a_hundred_thousand_points_need_no_matrix() -> None:
    value = np.random.default_rng(0).normal(size=100_000)
    tracemalloc.start()
    smooth(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * value.nbytes
