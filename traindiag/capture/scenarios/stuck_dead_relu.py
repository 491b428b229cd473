from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario, dense_network
from traindiag.model.finding import Severity


class StuckDeadRelu(Scenario):
    """Never leaves the level of guessing: every hidden ReLU is dead from the start.

    The hidden layers begin with a large negative bias, so that their units answer zero to every sample and get no
    gradient. Only the biases of the last layer learn: how frequent each class is.
    """

    name = "stuck-dead-relu"
    expected = ("stuck-at-chance",)
    severity = Severity.ERROR
    epochs = 25
    knobs = Knobs(learning_rate=1e-3, units=(32, 32))

    def model(self, data: Data, seed: int) -> Any:
        bias = import_keras().initializers.Constant(-30.0)
        return dense_network(data.features, data.classes, self.settings, bias_initializer=bias)
