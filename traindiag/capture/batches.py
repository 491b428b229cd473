"""Batches whose samples change from epoch to epoch: what a faulty input pipeline hands to `fit`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from traindiag.capture.data import Pair
from traindiag.capture.device import import_keras

Change = Callable[[int, Pair], Pair]
"""From a zero-based epoch and all samples, already shuffled, to those of that epoch, always as many."""
Delay = Callable[[int], float]
"""From a zero-based epoch to the seconds that one batch takes to load."""


def changing_batches(
    samples: Pair, batch_size: int, seed: int, change: Change | None = None, delay: Delay | None = None
) -> Any:
    """A `keras.utils.PyDataset` that shuffles anew each epoch and hands over what `change` makes of it.

    Args:
        samples: x and y.
        batch_size: samples a step.
        seed: of the shuffle.
        change: of the samples of each epoch.
        delay: waited before each batch.
    """

    class ChangingBatches(import_keras().utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = -1
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(self.x) // batch_size)

        def __getitem__(self, index: int) -> Pair:
            if delay is not None:
                time.sleep(delay(self.epoch))
            part = slice(index * batch_size, (index + 1) * batch_size)
            return self.x[part], self.y[part]

        def on_epoch_end(self) -> None:
            self.epoch += 1
            order = np.random.default_rng([seed, self.epoch]).permutation(len(samples[0]))
            shuffled = samples[0][order], samples[1][order]
            self.x, self.y = shuffled if change is None else change(self.epoch, shuffled)

    return ChangingBatches()
