from __future__ import annotations

from dataclasses import replace

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class LeakedValidation(Scenario):
    """Validation stays better than training: its samples are training samples, and dropout handicaps training."""

    name = "leaked-validation"
    expected = ("learning", "converged")
    findings = ("val-below-train",)
    epochs = 20
    knobs = Knobs(learning_rate=1e-3, units=(64,), dropout=0.5)

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        x, y = clean.train
        return replace(clean, val=(x[:288], y[:288]))
