from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data, Pair
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class TinyValidation(Scenario):
    """Validation jumps about: each epoch is told by twelve samples, too few to tell epochs apart.

    They are drawn anew each time, as with `validation_steps=1` on a set that is shuffled, from classes that overlap.
    """

    name = "tiny-validation"
    expected = ("noisy-validation",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=3e-2, units=(8,), batch_size=16, l2=1e-3)
    dataset = "overlapping"
    samples = 12

    def validation_input(self, data: Data, seed: int) -> Any:
        assert data.val is not None

        def drawn(epoch: int, samples: Pair) -> Pair:
            x, y = samples
            return x[: self.samples], y[: self.samples]

        return changing_batches(data.val, self.samples, seed, drawn)
