"""Spikes: isolated jumps that are made good, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.spikes import spikes_of
from traindiag.model.curve import Curve


def curve(value: np.ndarray) -> Curve:  # type: ignore[type-arg]
    count = len(value)
    return Curve(
        metric="loss",
        split="train",
        mode="min",
        epoch=np.arange(count),
        value=value,
        count=np.ones(count, dtype=np.int64),
    )


def fall(count: int = 60) -> np.ndarray:  # type: ignore[type-arg]
    noise = np.random.default_rng(0).normal(0, 0.01, count)
    return 0.3 + 2 * np.exp(-0.1 * np.arange(count)) + noise


@given(st.lists(st.integers(6, 50), min_size=1, max_size=4, unique=True))
@settings(max_examples=30, deadline=None)
def test_finds_the_planted_ones(places: list[int]) -> None:
    places = [
        place
        for index, place in enumerate(sorted(places))
        if index == 0 or place - sorted(places)[index - 1] > 7
    ]
    value = fall()
    value[places] += 1.5
    found = spikes_of(curve(value), least=0.4)
    assert [spike.epoch for spike in found] == places
    assert all(1.2 < spike.height < 1.7 for spike in found)


def test_a_wide_spike_is_one() -> None:
    value = fall()
    value[30:33] += [2.0, 1.4, 0.8]
    assert [spike.epoch for spike in spikes_of(curve(value), least=0.4)] == [30]


def test_no_spike_in_falls_steps_rises_and_noise() -> None:
    random = np.random.default_rng(1)
    step = np.r_[np.full(20, 2.0), np.full(20, 1.0)]
    shapes = [fall(), step, step[::-1], np.linspace(0.1, 4, 40), random.normal(1, 0.2, 200), np.ones(5)]
    for value in shapes:
        assert spikes_of(curve(value), least=0.2) == ()


def test_missing_values_are_left_out() -> None:
    value = fall()
    value[30] += 2
    value[40] = np.nan
    assert [spike.epoch for spike in spikes_of(curve(value), least=0.4)] == [30]


def test_a_jump_at_the_very_end_is_not_known_to_come_back() -> None:
    value = fall()
    value[-1] += 2
    assert spikes_of(curve(value), least=0.4) == ()


def test_spikes_close_together_do_not_hide_each_other() -> None:
    value = fall()
    places = [21, 29, 37, 45]
    value[places] += 0.8
    found = spikes_of(curve(value), least=0.3)
    assert [spike.epoch for spike in found] == places
