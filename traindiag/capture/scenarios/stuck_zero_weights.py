from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario, dense_network
from traindiag.model.finding import Severity


class StuckZeroWeights(Scenario):
    """Never leaves the level of guessing: all hidden weights begin at zero, and no gradient passes them."""

    name = "stuck-zero-weights"
    expected = ("stuck-at-chance",)
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(learning_rate=1e-3, units=(64,))

    def model(self, data: Data, seed: int) -> Any:
        return dense_network(data.features, data.classes, self.settings, kernel_initializer="zeros")
