from __future__ import annotations

import time

import numpy as np
import pytest

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Pair

pytestmark = pytest.mark.keras
SAMPLES: Pair = (np.arange(50, dtype=np.float32)[:, None], np.arange(50))


def epoch_of(batches: object) -> list[int]:
    return [int(y) for index in range(len(batches)) for y in batches[index][1]]  # type: ignore[arg-type,index]


def test_each_epoch_has_every_sample_once_in_an_order_of_its_own() -> None:
    batches = changing_batches(SAMPLES, 8, seed=3)
    assert len(batches) == 7
    first = epoch_of(batches)
    batches.on_epoch_end()
    second = epoch_of(batches)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert epoch_of(changing_batches(SAMPLES, 8, seed=3)) == first
    assert epoch_of(changing_batches(SAMPLES, 8, seed=4)) != first


def test_samples_change_in_the_epochs_they_should() -> None:
    def reversed_later(epoch: int, samples: Pair) -> Pair:
        return (-samples[0], samples[1]) if epoch else samples

    batches = changing_batches(SAMPLES, 50, seed=0, change=reversed_later)
    for sign in (1, -1, -1):
        x, y = batches[0]
        assert np.array_equal(x[:, 0], sign * y)
        batches.on_epoch_end()


def test_batches_take_as_long_as_they_are_told_to() -> None:
    batches = changing_batches(SAMPLES, 25, seed=0, delay=lambda epoch: 0.03 * epoch)
    batches.on_epoch_end()
    begin = time.perf_counter()
    epoch_of(batches)
    assert time.perf_counter() - begin >= 0.06
