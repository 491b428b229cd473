from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario, dense_network, optimizer_of
from traindiag.model.finding import Severity


class NonFinite(Scenario):
    """NaN after some good epochs: a hand-written cross-entropy takes the logarithm of zero.

    The loss is right as long as no probability rounds to one. Once the network is sure enough of itself one
    does, and zero times the logarithm of zero is not a number.
    """

    name = "non-finite"
    expected = ("non-finite",)
    severity = Severity.ERROR
    knobs = Knobs(learning_rate=4e-3, units=(32,))
    dataset = "breast-cancer"
    datasets = ("imbalanced", "moons", "rings", "hastie")

    def model(self, data: Data, seed: int) -> Any:
        model = dense_network(data.features, None, self.settings)
        model.add(import_keras().layers.Activation("sigmoid", dtype="float32"))
        return model

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        ops = import_keras().ops

        def cross_entropy(y_true: Any, y_pred: Any) -> Any:
            y = ops.cast(y_true, y_pred.dtype)
            return -ops.mean(y * ops.log(y_pred) + (1 - y) * ops.log(1 - y_pred), axis=-1)

        optimizer = optimizer_of(self.settings, self.learning_rate(steps, epochs))
        model.compile(optimizer=optimizer, loss=cross_entropy, metrics=["binary_accuracy"])
