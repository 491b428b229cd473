from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class StepSchedule(Scenario):
    """Healthy: the learning rate drops to a tenth at half and at three quarters of the run.

    The losses bounce before the first drop, step down with it, and are calm after it.
    """

    name = "step-schedule"
    expected = ("converged",)
    knobs = Knobs(optimizer="sgd", learning_rate=0.3, units=(32,), dropout=0.2, l2=5e-4)

    def callbacks(self, epochs: int) -> list[Any]:
        base = self.settings.learning_rate

        def rate(epoch: int, now: float) -> float:
            return base * (0.01 if epoch >= 0.75 * epochs else 0.1 if epoch >= 0.5 * epochs else 1.0)

        return [*super().callbacks(epochs), import_keras().callbacks.LearningRateScheduler(rate)]
