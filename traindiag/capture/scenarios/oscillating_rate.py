from __future__ import annotations

from typing import Any

import numpy as np

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario, optimizer_of
from traindiag.model.finding import Severity


class OscillatingRate(Scenario):
    """The loss swings to and fro: the learning rate is at the very limit of what the data bear.

    A linear regression. Every batch has a valley of its own, and the steps overshoot most of them; any longer, and the
    loss would rise for good. The knob is the rate for the friedman data in batches of eight, and with others it
    stands as close to their limit.
    """

    name = "oscillating-rate"
    expected = ("oscillating", "plateau", "loss-spike", "diverging")
    severity = Severity.WARNING
    epochs = 40
    knobs = Knobs(optimizer="sgd", learning_rate=0.38, units=(), batch_size=8)
    dataset = "friedman"
    optimizers = ("sgd",)
    samples = 320

    def data(self, seed: int) -> Data:
        return self.load(seed, train=self.samples)

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        closeness = self.settings.learning_rate / self.knobs.learning_rate
        rate = closeness * largest_rate(data.train[0], self.settings.batch_size)
        model.compile(optimizer=optimizer_of(self.settings, rate), loss="mse", metrics=["mae"])

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        # TensorFlow's own shuffle, once seeded, gives every epoch the same order, and the swings would repeat.
        return {"x": changing_batches(data.train, self.settings.batch_size, seed), "shuffle": False}


def largest_rate(x: Any, batch_size: int) -> float:
    """The rate up to which SGD with a squared error keeps the weights' mean square finite.

    A step multiplies the error of the weights by I - 2 rate B, where B is the batch's mean of x xT. The mean of its
    square is I - 4 rate S + 4 rate^2 M with S = mean(x xT) over all samples and, for batches of n,
    M = (1 - 1/n) S S + mean(|x|^2 x xT) / n. It shrinks every direction while the rate is below one over the largest
    eigenvalue of M S^-1.

    Args:
        x: inputs, shape (samples, features); a one is added for the bias.
        batch_size: n.
    """
    x = np.column_stack([x, np.ones(len(x))]).astype(np.float64)
    mean = x.T @ x / len(x)
    fourth = (x.T * (x * x).sum(axis=1)) @ x / len(x)
    square = (1 - 1 / batch_size) * mean @ mean + fourth / batch_size
    return float(1 / np.linalg.eigvals(np.linalg.solve(mean, square)).real.max())
