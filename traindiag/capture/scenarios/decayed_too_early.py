from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class DecayedTooEarly(Scenario):
    """The learning rate is used up after six epochs, in mid-fall: it is halved after each, and 34 epochs are idle.

    Meant was a decay over the whole run; its length was given in epochs where the schedule counts steps.
    """

    name = "decayed-too-early"
    expected = ("learning-rate-schedule", "plateau")
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=8e-4, units=(32,))
    dataset = "friedman"

    def learning_rate(self, steps: int, epochs: int) -> Any:
        schedules = import_keras().optimizers.schedules
        return schedules.ExponentialDecay(self.settings.learning_rate, decay_steps=steps, decay_rate=0.5)
