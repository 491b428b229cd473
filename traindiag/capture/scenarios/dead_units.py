from __future__ import annotations

from typing import Any

import numpy as np

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.capture.signal_logger import signal_logger


class DeadUnits(Scenario):
    """Learns, but with a quarter of its units: the others are dead from the start and get no gradient.

    Three hidden ReLUs in four begin with a large negative bias.
    """

    name = "dead-units"
    expected = ("learning", "converged")
    findings = ("dead-units",)
    epochs = 25
    knobs = Knobs(learning_rate=1e-3, units=(64,))
    share = 0.75

    def model(self, data: Data, seed: int) -> Any:
        model = super().model(data, seed)
        hidden = model.layers[0]
        bias = np.zeros(hidden.units, dtype=np.float32)
        bias[: int(self.share * hidden.units)] = -30.0
        hidden.bias.assign(bias)
        return model

    def callbacks(self, epochs: int) -> list[Any]:
        return [*super().callbacks(epochs), signal_logger()]
