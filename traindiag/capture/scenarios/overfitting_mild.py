from __future__ import annotations

from traindiag.capture.data import Data, digits, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverfittingMild(Scenario):
    """Mild overfitting: training goes on falling, validation has long stopped and stays flat.

    Odd or even digits, with one label in seven wrong in both splits. A wide network memorises the wrong
    labels; weight decay keeps that from costing it what it learned.
    """

    name = "overfitting-mild"
    expected = ("overfitting",)
    severity = Severity.WARNING
    epochs = 50
    knobs = Knobs(learning_rate=3e-4, units=(256,), l2=2e-3)
    classes = 2

    def data(self, seed: int) -> Data:
        clean = digits(seed)
        assert clean.val is not None
        (x, y), (val_x, val_y) = clean.train, clean.val
        # A label drawn anew from two classes is wrong every other time.
        return Data(
            train=(x, redraw_labels(y % 2, 0.3, 2, seed)),
            val=(val_x, redraw_labels(val_y % 2, 0.3, 2, seed + 1)),
        )
