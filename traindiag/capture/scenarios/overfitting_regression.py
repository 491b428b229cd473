from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverfittingRegression(Scenario):
    """Strong overfitting of a regression: the loss is a squared error, and no accuracy is logged."""

    name = "overfitting-regression"
    expected = ("overfitting",)
    severity = Severity.ERROR
    epochs = 80
    knobs = Knobs(learning_rate=2e-3, units=(128, 64))
    dataset = "diabetes"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=128)
