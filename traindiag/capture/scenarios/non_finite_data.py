from __future__ import annotations

from dataclasses import replace

import numpy as np

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class NonFiniteData(Scenario):
    """NaN from the first epoch on: one training sample has a missing value.

    Not with ReLU: TensorFlow's answers 0 to NaN, and the network that is lost then looks like a dead one.
    """

    name = "non-finite-data"
    expected = ("non-finite",)
    severity = Severity.ERROR
    epochs = 15
    knobs = Knobs(learning_rate=1e-3, units=(32,), activation="tanh")

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        x = clean.train[0].copy()
        x[len(x) // 2, 0] = np.nan
        return replace(clean, train=(x, clean.train[1]))
