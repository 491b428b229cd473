from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario, dense_network, optimizer_of
from traindiag.model.finding import Severity


class HeadWithoutSigmoid(Scenario):
    """Raw outputs under a loss that expects probabilities: it clips them, and clipped ones give no gradient."""

    name = "head-without-sigmoid"
    expected = ("head-mismatch", "stuck-at-chance", "plateau")
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-3, units=(32,))
    dataset = "breast-cancer"
    datasets = ("imbalanced", "moons", "rings", "hastie")

    def model(self, data: Data, seed: int) -> Any:
        return dense_network(data.features, None, self.settings)

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        optimizer = optimizer_of(self.settings, self.learning_rate(steps, epochs))
        model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
