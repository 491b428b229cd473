from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class DecayedTooEarly(Scenario):
    """The learning rate is used up after three epochs: the schedule counts steps where epochs were meant."""

    name = "decayed-too-early"
    expected = ("learning-rate-schedule", "plateau", "stuck-at-chance", "slow-learning")
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=5e-4, units=(32,))

    def learning_rate(self, steps: int, epochs: int) -> Any:
        schedules = import_keras().optimizers.schedules
        return schedules.ExponentialDecay(self.settings.learning_rate, decay_steps=steps, decay_rate=0.1)
