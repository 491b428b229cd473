from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class ZeroRate(Scenario):
    """Nothing moves: a warm-up that divides whole numbers sets the learning rate to zero for the whole run."""

    name = "zero-rate"
    expected = ("stuck-at-chance",)
    findings = ("learning-rate-schedule",)
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(learning_rate=1e-3, units=(32,))

    def callbacks(self, epochs: int) -> list[Any]:
        base, warm_up = self.settings.learning_rate, 2 * epochs

        def rate(epoch: int, now: float) -> float:
            return base * (epoch // warm_up)

        return [*super().callbacks(epochs), import_keras().callbacks.LearningRateScheduler(rate)]
