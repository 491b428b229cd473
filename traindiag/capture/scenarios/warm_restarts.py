from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class WarmRestarts(Scenario):
    """Healthy: a cosine with warm restarts; the loss climbs a little at each restart and sinks again."""

    name = "warm-restarts"
    expected = ("converged", "learning")
    knobs = Knobs(learning_rate=6e-3, units=(16,), l2=3e-3)
    dataset = "clusters"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=1920, val=960)

    def learning_rate(self, steps: int, epochs: int) -> Any:
        schedules = import_keras().optimizers.schedules
        quarter = max(steps * epochs // 4, 1)
        return schedules.CosineDecayRestarts(
            self.settings.learning_rate, first_decay_steps=quarter, t_mul=1.0, m_mul=0.9, alpha=0.01
        )
