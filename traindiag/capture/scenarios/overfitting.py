from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class Overfitting(Scenario):
    """Strong overfitting: training falls to nothing while validation turns and rises.

    A wide network, few samples, overlapping classes, and no regularisation.
    """

    name = "overfitting"
    expected = ("overfitting",)
    severity = Severity.ERROR
    epochs = 60
    knobs = Knobs(learning_rate=1e-3, units=(128, 128))
    dataset = "overlapping"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=288, val=960)
