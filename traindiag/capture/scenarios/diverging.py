from __future__ import annotations

from traindiag.capture.data import Data, diabetes
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class Diverging(Scenario):
    """The loss rises for good: plain SGD with a learning rate beyond the stable one.

    Linear regression by full-batch gradient descent; along the steepest direction each step ends farther out
    than it began.
    """

    name = "diverging"
    expected = ("diverging",)
    severity = Severity.ERROR
    epochs = 30
    knobs = Knobs(optimizer="sgd", learning_rate=0.27, units=(), batch_size=300)
    classes = None

    def data(self, seed: int) -> Data:
        return diabetes(seed)
