from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class Plateau(Scenario):
    """Both losses bounce at a poor level: the learning rate is far too high.

    Two layers of two units could tell nearly half of the digits. At this rate, a hundred times the usual one, the steps
    are too long for the valley: after a first fall neither loss sinks any further, and a third of the digits is all.
    """

    name = "plateau"
    expected = ("plateau",)
    severity = Severity.WARNING
    epochs = 60
    knobs = Knobs(optimizer="sgd", learning_rate=5.0, units=(2, 2), activation="tanh")

    def data(self, seed: int) -> Data:
        return self.load(seed, train=288)

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        # TensorFlow's own shuffle, once seeded, gives every epoch the same order, and long steps go round in a circle.
        return {"x": changing_batches(data.train, self.settings.batch_size, seed), "shuffle": False}
