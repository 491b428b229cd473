from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.capture.step_clock import step_clock


class SlowingDown(Scenario):
    """Healthy curves, but each epoch takes longer than the last: the input pipeline piles up work.

    Loading a batch takes twelve milliseconds longer in every epoch, as when a list of past samples is searched.
    """

    name = "slowing-down"
    expected = ("learning", "converged")
    findings = ("slowing-down",)
    epochs = 12
    knobs = Knobs(learning_rate=1e-3, units=(32,), batch_size=64)
    seconds = 0.012

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        slower = changing_batches(
            data.train, self.settings.batch_size, seed, delay=lambda epoch: self.seconds * epoch
        )
        return {"x": slower, "shuffle": False}

    def callbacks(self, epochs: int) -> list[Any]:
        return [*super().callbacks(epochs), step_clock()]
