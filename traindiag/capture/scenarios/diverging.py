from __future__ import annotations

from typing import Any

import numpy as np

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario, optimizer_of
from traindiag.model.finding import Severity


class Diverging(Scenario):
    """The loss rises for good: plain SGD with a learning rate beyond the stable one.

    Linear regression by gradient descent on whole epochs; along the steepest direction each step ends farther
    out than it began. A step of the rate multiplies the error there by 1 - 2 x rate x steepness. The knob is the
    rate for the steepness of the diabetes data, and on others it stands as far beyond the stable one.
    """

    name = "diverging"
    expected = ("diverging",)
    severity = Severity.ERROR
    epochs = 30
    knobs = Knobs(optimizer="sgd", learning_rate=0.27, units=(), batch_size=1000)
    dataset = "diabetes"
    optimizers = ("sgd",)
    steepness = 4.0

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        steepest = float(np.linalg.eigvalsh(np.cov(data.train[0], rowvar=False)).max())
        rate = self.settings.learning_rate * self.steepness / steepest
        model.compile(optimizer=optimizer_of(self.settings, rate), loss="mse", metrics=["mae"])
