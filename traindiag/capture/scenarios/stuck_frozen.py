from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class StuckFrozen(Scenario):
    """Nothing moves: the whole network was frozen, its last layer too, before it was compiled."""

    name = "stuck-frozen"
    expected = ("stuck-at-chance",)
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(learning_rate=1e-3, units=(32,))

    def model(self, data: Data, seed: int) -> Any:
        model = super().model(data, seed)
        model.trainable = False
        return model
