from __future__ import annotations

from dataclasses import replace

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class ShiftedValidation(Scenario):
    """Validation is far worse from the first epochs on: its inputs come inverted.

    As when one loader reads dark on light and the other light on dark.
    """

    name = "shifted-validation"
    expected = ("val-mismatch",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-3, units=(48,), l2=1e-3)

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        assert clean.val is not None
        x, y = clean.val
        return replace(clean, val=(-x, y))
