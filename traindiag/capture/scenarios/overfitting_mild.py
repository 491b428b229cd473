from __future__ import annotations

from dataclasses import replace

import numpy as np

from traindiag.capture.data import Data, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverfittingMild(Scenario):
    """Mild overfitting: training goes on falling, validation has long stopped and stays flat.

    Two classes (odd or even digits), with one label in seven wrong in both splits. A wide network memorises the
    wrong labels; weight decay keeps that from costing it what it learned.
    """

    name = "overfitting-mild"
    expected = ("overfitting",)
    severity = Severity.WARNING
    epochs = 70
    knobs = Knobs(learning_rate=3e-4, units=(256,), l2=2e-3)
    datasets = ("clusters", "overlapping", "quantiles", "hypercube")

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        assert clean.val is not None
        (x, y), (val_x, val_y), (test_x, test_y) = clean.train, clean.val, clean.test
        # A label drawn anew from two classes is wrong every other time.
        return replace(
            clean,
            train=(x, redraw_labels(y % 2, 0.3, 2, seed)),
            val=(val_x, redraw_labels(val_y % 2, 0.3, 2, seed + 1)),
            test=(test_x, np.asarray(test_y % 2)),
            classes=2,
        )
