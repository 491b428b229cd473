from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class NonFiniteRate(Scenario):
    """The loss overflows within a few epochs: plain SGD at a hundred times the rate a regression bears."""

    name = "non-finite-rate"
    expected = ("non-finite", "diverging")
    severity = Severity.ERROR
    epochs = 20
    knobs = Knobs(optimizer="sgd", learning_rate=4.0, units=(32,), activation="linear")
    dataset = "friedman"
    optimizers = ("sgd", "momentum")
