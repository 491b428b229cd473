from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario, optimizer_of
from traindiag.model.finding import Severity


class HeadSoftmaxTwice(Scenario):
    """A softmax under a loss that expects raw outputs: it is applied twice, and the loss cannot become small."""

    name = "head-softmax-twice"
    expected = ("head-mismatch",)
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-3, units=(32,))

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        model.compile(
            optimizer=optimizer_of(self.settings, self.learning_rate(steps, epochs)),
            loss=import_keras().losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
