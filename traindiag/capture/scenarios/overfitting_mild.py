from __future__ import annotations

from traindiag.capture.data import Data, teacher
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverfittingMild(Scenario):
    """Mild overfitting: training goes on falling, validation has long stopped and stays flat.

    A wide network memorises the noise of its targets, which does not yet cost it what it learned.
    """

    name = "overfitting-mild"
    expected = ("overfitting",)
    severity = Severity.WARNING
    epochs = 60
    knobs = Knobs(learning_rate=3e-4, units=(256,))
    classes = None

    def data(self, seed: int) -> Data:
        return teacher(seed, train=1500, val=1000, features=20, noise=0.5)
