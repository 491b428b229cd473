from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class Plateau(Scenario):
    """Both losses bounce at a poor level: the learning rate is far too high.

    A network of two narrow layers. After a first fall the steps are too long for the valley, and neither loss
    sinks any further.
    """

    name = "plateau"
    expected = ("plateau",)
    severity = Severity.WARNING
    epochs = 60
    knobs = Knobs(optimizer="sgd", learning_rate=10.0, units=(4, 4), activation="tanh")

    def data(self, seed: int) -> Data:
        return self.load(seed, train=288)
