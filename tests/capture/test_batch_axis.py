"""Losses of single batches from running means: their error, their number, their steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.capture.batch_axis import TOTAL, BatchLosses, Share

U = 2.0**-24


def running_means(losses: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """What `keras.metrics.Mean` reports after each batch: a float32 sum over a float32 count."""
    total = count = np.float32(0)
    means = []
    for loss, size in zip(losses.astype(np.float32), sizes.astype(np.float32), strict=True):
        total, count = np.float32(total + loss * size), np.float32(count + size)
        means.append(total / count)
    return np.array(means, dtype=np.float64)


def told(losses: np.ndarray, most: int, last: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of batches, and the losses that came back for them."""
    sizes = np.full(len(losses), 32.0)
    sizes[-1] *= last
    batches = BatchLosses(most)
    for number, mean in enumerate(running_means(losses, sizes), start=1):
        batches.note(number, float(mean))
    found = batches.losses(last)
    return np.array(list(found)), np.array(list(found.values()))


@pytest.mark.parametrize(("count", "last"), [(1, 1.0), (2, 0.25), (37, 1.0), (400, 0.5)])
def test_every_batch_of_a_short_epoch_comes_back(count: int, last: float) -> None:
    losses = np.random.default_rng(count).lognormal(size=count)
    at, found = told(losses, 500, last)
    assert at.tolist() == list(range(1, count + 1))
    np.testing.assert_allclose(found, losses, rtol=2e-3, atol=1e-4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20_000), st.integers(0, 5), st.sampled_from([50, 500]))
def test_the_error_is_within_its_bound(count: int, seed: int, most: int) -> None:
    losses = np.random.default_rng(seed).lognormal(size=count) + 0.1
    at, found = told(losses, most)
    begin = np.append(0, at[:-1])
    exact = np.add.reduceat(losses.astype(np.float32).astype(np.float64), begin) / (at - begin)
    mean = np.cumsum(losses)[at - 1] / at
    bound = (1 + 3 / (at - begin)) * U * at * mean
    # One more rounding: of each loss times its size before it is added.
    assert (np.abs(found - exact) <= 1.5 * bound + 2 * U * exact).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30_000), st.integers(1, 500))
def test_points_are_few_and_leave_no_batch_out(count: int, most: int) -> None:
    batches = BatchLosses(most)
    for number in range(1, count + 1):
        batches.note(number, 1.0)
    found = batches.losses()
    assert len(found) <= most + 1
    assert len(found) >= min(count, most // 2)
    assert max(found) == count
    assert set(found.values()) == {1.0}


def test_batches_may_come_out_of_order() -> None:
    losses = np.random.default_rng(0).lognormal(size=1000)
    means = running_means(losses, np.ones(1000))
    in_order, mixed = BatchLosses(100), BatchLosses(100)
    for number in range(1000):
        in_order.note(number + 1, float(means[number]))
    order = np.arange(1000).reshape(-1, 4)[:, ::-1].ravel()
    for number in order:
        mixed.note(int(number) + 1, float(means[number]))
    assert mixed.losses() == in_order.losses()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_first_batch_that_is_not_finite_is_the_last_that_is_told(bad: float) -> None:
    losses = np.ones(20)
    losses[7] = bad
    batches = BatchLosses(500)
    with np.errstate(invalid="ignore"):
        for number, mean in enumerate(running_means(losses, np.ones(20)), start=1):
            batches.note(number, float(mean))
    found = batches.losses()
    assert list(found) == list(range(1, 9))
    assert np.isfinite([found[number] for number in range(1, 8)]).all()
    assert not np.isfinite(found[8])


@pytest.mark.parametrize("epochs", [None, 1, 10, 1000, 100_000])
def test_a_run_of_any_length_stays_small(epochs: int | None) -> None:
    share = Share(TOTAL, epochs)
    spent = []
    for epoch in range(epochs or 5000):
        points = share.of(epoch)
        share.spend(points)
        spent.append(points)
    assert sum(spent) <= TOTAL
    assert spent[0] >= 4
    assert max(spent) <= Share.most
