from __future__ import annotations

from typing import Any

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.capture.signal_logger import signal_logger
from traindiag.model.finding import Severity


class VanishingGradient(Scenario):
    """Never leaves the level of guessing, and the gradients in the log say why: they vanish on their way down.

    A stack of ten sigmoid layers: each passes on a quarter of its gradient at most.
    """

    name = "vanishing-gradient"
    expected = ("stuck-at-chance",)
    findings = ("vanishing-gradient",)
    severity = Severity.ERROR
    epochs = 20
    knobs = Knobs(optimizer="sgd", learning_rate=0.01, units=(24,) * 10, activation="sigmoid")

    def callbacks(self, epochs: int) -> list[Any]:
        return [*super().callbacks(epochs), signal_logger()]
