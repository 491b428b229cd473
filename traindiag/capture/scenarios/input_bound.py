from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.capture.step_clock import step_clock


class InputBound(Scenario):
    """Healthy curves, but each step waits for its data: every batch takes twelve milliseconds to load.

    A `PyDataset` without workers, as when images are decoded one after the other beside the training.
    """

    name = "input-bound"
    expected = ("learning", "converged")
    findings = ("input-bound",)
    epochs = 15
    knobs = Knobs(learning_rate=1e-3, units=(32,), batch_size=64)
    seconds = 0.012

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        slow = changing_batches(data.train, self.settings.batch_size, seed, delay=lambda epoch: self.seconds)
        return {"x": slow, "shuffle": False}

    def callbacks(self, epochs: int) -> list[Any]:
        return [*super().callbacks(epochs), step_clock()]
