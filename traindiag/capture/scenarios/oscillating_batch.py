from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OscillatingBatch(Scenario):
    """The loss swings to and fro: batches of one sample, at a learning rate that larger ones would bear.

    A linear regression. Each step answers one noisy sample, and overshoots.
    """

    name = "oscillating-batch"
    expected = ("oscillating", "plateau", "loss-spike", "diverging")
    severity = Severity.WARNING
    knobs = Knobs(optimizer="sgd", learning_rate=0.06, units=(), batch_size=1)
    dataset = "friedman"
    optimizers = ("sgd", "momentum")

    def data(self, seed: int) -> Data:
        return self.load(seed, train=150)
