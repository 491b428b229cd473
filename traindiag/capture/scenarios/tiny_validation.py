from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class TinyValidation(Scenario):
    """Validation jumps about: it has twelve samples, too few to tell one epoch from another."""

    name = "tiny-validation"
    expected = ("noisy-validation",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=3e-3, units=(32,), batch_size=16, l2=1e-3)

    def data(self, seed: int) -> Data:
        return self.load(seed, val=12)
