from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data, Pair
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class LossSpike(Scenario):
    """The loss jumps up and comes back: one shard of the data holds samples in another unit.

    Every eighth epoch reads that shard. Thirty-two of its samples are a hundred times too large and reversed.
    """

    name = "loss-spike"
    expected = ("loss-spike",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-3, units=(32,), l2=1e-3)
    every = 8

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        def with_outliers(epoch: int, samples: Pair) -> Pair:
            if epoch % self.every != self.every - 2:
                return samples
            x = samples[0].copy()
            x[:32] *= -100.0
            return x, samples[1]

        return {
            "x": changing_batches(data.train, self.settings.batch_size, seed, with_outliers),
            "shuffle": False,
        }
