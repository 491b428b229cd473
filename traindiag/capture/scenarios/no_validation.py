from __future__ import annotations

from dataclasses import replace

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class NoValidation(Scenario):
    """Trained without validation data: nothing tells how the network does on samples it has not seen."""

    name = "no-validation"
    expected = ("no-validation",)
    epochs = 30
    knobs = Knobs(learning_rate=1e-3, units=(32,))

    def data(self, seed: int) -> Data:
        return replace(self.load(seed), val=None)
