from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OscillatingRate(Scenario):
    """The loss swings to and fro: the learning rate is some fifty times too high."""

    name = "oscillating-rate"
    expected = ("oscillating", "plateau", "loss-spike", "stuck-at-chance", "diverging")
    severity = Severity.WARNING
    epochs = 50
    knobs = Knobs(learning_rate=0.05, units=(64, 64), batch_size=64)
