from __future__ import annotations

from dataclasses import replace

from traindiag.capture.data import Data, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverfittingWrongLabels(Scenario):
    """Strong overfitting: a wide network learns four wrong labels in ten by heart."""

    name = "overfitting-wrong-labels"
    expected = ("overfitting",)
    severity = Severity.ERROR
    epochs = 60
    knobs = Knobs(learning_rate=2e-3, units=(128, 128))

    def data(self, seed: int) -> Data:
        clean = self.load(seed, train=384)
        x, y = clean.train
        return replace(clean, train=(x, redraw_labels(y, 0.4, clean.classes, seed)))
