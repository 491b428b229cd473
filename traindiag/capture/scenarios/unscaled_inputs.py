from __future__ import annotations

from dataclasses import replace

import numpy as np

from traindiag.capture.data import Data, Pair
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class UnscaledInputs(Scenario):
    """The inputs come as measured, each in its own unit and far from zero: every unit is saturated at once.

    As years, kelvins and pascals are: a mean of thirty deviations and more, some in units a thousand times as large as
    others. A saturated tanh answers one or minus one to every sample and passes no gradient on.
    """

    name = "unscaled-inputs"
    expected = ("stuck-at-chance", "oscillating", "plateau", "loss-spike", "diverging", "non-finite")
    severity = Severity.ERROR
    epochs = 30
    knobs = Knobs(learning_rate=1e-3, units=(32, 32), activation="tanh")

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        assert clean.val is not None
        units = 10 ** np.random.default_rng(seed).uniform(0, 3, clean.features)

        def measured(samples: Pair) -> Pair:
            return (units * (samples[0] + 50.0)).astype(np.float32), samples[1]

        return replace(clean, train=measured(clean.train), val=measured(clean.val), test=measured(clean.test))
