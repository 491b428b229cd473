from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class StuckAtChance(Scenario):
    """Never leaves the level of guessing: gradients vanish in a deep stack of sigmoids.

    Eight sigmoid layers under plain SGD: the first ones receive next to no gradient.
    """

    name = "stuck-at-chance"
    expected = ("stuck-at-chance",)
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(optimizer="sgd", learning_rate=0.01, units=(32,) * 8, activation="sigmoid")
