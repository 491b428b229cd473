from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class TinyValidation(Scenario):
    """Validation jumps about: it has twelve samples of classes that overlap, too few to tell epochs apart."""

    name = "tiny-validation"
    expected = ("noisy-validation",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-2, units=(16,), batch_size=16, l2=5e-3)
    dataset = "overlapping"

    def data(self, seed: int) -> Data:
        return self.load(seed, val=12)
