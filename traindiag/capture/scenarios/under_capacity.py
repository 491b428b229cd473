from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class UnderCapacity(Scenario):
    """Both losses level off at a poor level: one hidden unit cannot tell the classes apart.

    The learning rate follows a cosine to zero: it is not the steps that keep the losses from sinking.
    """

    name = "under-capacity"
    expected = ("plateau",)
    severity = Severity.WARNING
    epochs = 60
    knobs = Knobs(learning_rate=3e-2, units=(1,), activation="tanh", l2=2e-3)
    datasets = ("clusters", "overlapping", "quantiles", "hypercube", "spirals")

    def learning_rate(self, steps: int, epochs: int) -> Any:
        schedules = import_keras().optimizers.schedules
        return schedules.CosineDecay(self.settings.learning_rate, decay_steps=steps * epochs)
