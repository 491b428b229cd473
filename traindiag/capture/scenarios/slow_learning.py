from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class SlowLearning(Scenario):
    """Both losses creep down in a straight line: the learning rate is a thousandth of what it should be.

    A regression: without an accuracy that stays where it was, the slow fall is all there is to see.
    """

    name = "slow-learning"
    expected = ("slow-learning",)
    severity = Severity.WARNING
    knobs = Knobs(optimizer="sgd", learning_rate=1.3e-5, units=(32,))
    dataset = "friedman"
