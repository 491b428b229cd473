from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class CosineSchedule(Scenario):
    """Healthy: the learning rate follows a cosine to zero, and both losses come to rest with it."""

    name = "cosine-schedule"
    expected = ("converged",)
    knobs = Knobs(learning_rate=3e-3, units=(48,), dropout=0.2, l2=1e-4)

    def learning_rate(self, steps: int, epochs: int) -> Any:
        schedules = import_keras().optimizers.schedules
        return schedules.CosineDecay(self.settings.learning_rate, decay_steps=steps * epochs)
