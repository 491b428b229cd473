from __future__ import annotations

from typing import Any

import numpy as np

from traindiag.capture.data import Data, digits, redraw_labels
from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class DataProblem(Scenario):
    """Training and validation labels disagree: training stays flat while validation falls.

    The pipeline shuffles the training labels of nine samples in ten anew each epoch, as a join on the wrong
    key does. The rest is right, and enough for the clean validation loss to fall.
    """

    name = "data-problem"
    expected = ("data-problem",)
    severity = Severity.ERROR
    epochs = 40
    knobs = Knobs(learning_rate=1e-3, units=(64,))
    share = 0.9

    def data(self, seed: int) -> Data:
        return digits(seed)

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        return {"x": _redrawn(data, self.settings.batch_size, self.share, seed), "shuffle": False}


def _redrawn(data: Data, batch_size: int, share: float, seed: int) -> Any:
    x, y = data.train

    class Redrawn(import_keras().utils.PyDataset):  # type: ignore[misc]
        """The training samples, with a share of the labels redrawn each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.epoch = -1
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(x) // batch_size)

        def __getitem__(self, index: int) -> Any:
            chosen = self.order[index * batch_size : (index + 1) * batch_size]
            return x[chosen], self.labels[chosen]

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = np.random.default_rng([seed, self.epoch]).permutation(len(x))
            self.labels = redraw_labels(y, share, 10, seed=seed * 10_007 + self.epoch)

    return Redrawn()
