from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class SlowLearning(Scenario):
    """Both losses creep down in a straight line: the learning rate is a thousandth of what it should be."""

    name = "slow-learning"
    expected = ("slow-learning", "stuck-at-chance")
    severity = Severity.WARNING
    knobs = Knobs(optimizer="sgd", learning_rate=4e-5, units=(32,))
