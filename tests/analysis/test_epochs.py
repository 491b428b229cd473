"""Per-epoch averages: against plain loops, and each other's inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.epochs import (
    batch_losses_from_running_means,
    epochs_from_boundaries,
    last_per_epoch,
    mean_per_epoch,
)

finite = st.floats(-1e6, 1e6)
rows = st.lists(st.tuples(st.integers(-3, 6), finite, st.integers(1, 64)), min_size=1, max_size=60)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_mean_per_epoch_is_the_weighted_mean_of_each_group(batches: list[tuple[int, float, int]]) -> None:
    epoch, value, weight = (np.array(part) for part in zip(*batches, strict=True))
    epochs, means = mean_per_epoch(value, epoch, weight)
    assert epochs.tolist() == sorted(set(epoch.tolist()))
    for each, mean in zip(epochs, means, strict=True):
        here = epoch == each
        expected = np.average(value[here], weights=weight[here])
        assert mean == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_last_per_epoch_is_the_last_row_of_each_group(batches: list[tuple[int, float, int]]) -> None:
    last = {epoch: value for epoch, value, _ in batches}
    epochs, values = last_per_epoch([value for _, value, _ in batches], [epoch for epoch, _, _ in batches])
    assert dict(zip(epochs.tolist(), values.tolist(), strict=True)) == last


@given(st.lists(st.tuples(finite, st.integers(1, 64)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_single_losses_come_back_from_running_means(batches: list[tuple[float, int]]) -> None:
    loss, size = (np.array(part, dtype=float) for part in zip(*batches, strict=True))
    running = np.cumsum(loss * size) / np.cumsum(size)
    np.testing.assert_allclose(batch_losses_from_running_means(running, size), loss, rtol=1e-6, atol=1e-4)


def test_one_size_for_all_batches() -> None:
    assert batch_losses_from_running_means([4.0, 3.0, 2.0], 32).tolist() == [4.0, 2.0, 0.0]


def test_nothing_is_known_after_nan() -> None:
    losses = batch_losses_from_running_means([4.0, 3.0, np.nan, np.nan], 8)
    assert losses[:2].tolist() == [4.0, 2.0]
    assert np.isnan(losses[2:]).all()
    assert np.isnan(mean_per_epoch([1.0, np.nan, 3.0], [0, 0, 1])[1]).tolist() == [True, False]


def test_the_mean_of_running_means_is_not_the_epochs_value() -> None:
    running = np.array([4.0, 3.0, 2.0])
    assert last_per_epoch(running, [0, 0, 0])[1] == [2.0]
    assert mean_per_epoch(running, [0, 0, 0])[1] == [3.0]


def test_boundaries() -> None:
    assert epochs_from_boundaries([1, 4, 5, 8, 9, 100], [4, 8]).tolist() == [0, 0, 1, 1, 2, 2]
    assert epochs_from_boundaries([3], []).tolist() == [0]
    with pytest.raises(ValueError, match="ascend"):
        epochs_from_boundaries([1], [8, 4])


def test_no_batches() -> None:
    for epochs, values in (mean_per_epoch([], []), last_per_epoch([], [])):
        assert len(epochs) == len(values) == 0
