from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class StuckLowRate(Scenario):
    """Nothing moves: the learning rate is a millionth of what it should be."""

    name = "stuck-low-rate"
    expected = ("stuck-at-chance", "slow-learning")
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(learning_rate=1e-9, units=(32,))
