from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class RateRamp(Scenario):
    """The learning rate climbs by a tenfold every ten epochs, until the loss rises for good.

    Classes that overlap cannot be learned by heart, so that there is a gradient at any rate.
    """

    name = "rate-ramp"
    expected = ("diverging", "learning-rate-schedule", "oscillating", "non-finite")
    severity = Severity.ERROR
    knobs = Knobs(learning_rate=1e-3, units=(32,))
    dataset = "overlapping"

    def callbacks(self, epochs: int) -> list[Any]:
        base = self.settings.learning_rate

        def rate(epoch: int, now: float) -> float:
            return float(base * 10 ** (epoch / 10))

        return [*super().callbacks(epochs), import_keras().callbacks.LearningRateScheduler(rate)]
