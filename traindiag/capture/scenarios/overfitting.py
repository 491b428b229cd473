from __future__ import annotations

from traindiag.capture.data import Data, clusters
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
    classes = 4

    def data(self, seed: int) -> Data:
        return clusters(seed, train=300, val=1000, spread=0.5)
