from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class WarmUp(Scenario):
    """Healthy: the learning rate climbs for a tenth of the run and then follows a cosine to zero."""

    name = "warm-up"
    expected = ("converged",)
    knobs = Knobs(learning_rate=3e-3, units=(48,), dropout=0.2, l2=1e-4)

    def learning_rate(self, steps: int, epochs: int) -> Any:
        total = steps * epochs
        warm = max(total // 10, 1)
        schedules = import_keras().optimizers.schedules
        return schedules.CosineDecay(
            0.0,
            decay_steps=max(total - warm, 1),
            warmup_target=self.settings.learning_rate,
            warmup_steps=warm,
        )
