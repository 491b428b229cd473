from __future__ import annotations

from typing import Any

import numpy as np

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data, Pair, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class DataProblem(Scenario):
    """Training and validation labels disagree: training stays flat while validation falls.

    The pipeline shuffles the training labels of nine samples in ten anew each epoch, as a join on the wrong
    key does. The rest is right, and enough for the clean validation loss to fall. The last layer begins at
    zero, so that training does not first unlearn what chance has put there.
    """

    name = "data-problem"
    expected = ("data-problem",)
    severity = Severity.ERROR
    knobs = Knobs(learning_rate=1e-3, units=(64,))
    share = 0.9

    def model(self, data: Data, seed: int) -> Any:
        model = super().model(data, seed)
        kernel = model.layers[-1].kernel
        kernel.assign(np.zeros(kernel.shape, dtype=np.float32))
        return model

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        def redrawn(epoch: int, samples: Pair) -> Pair:
            x, y = samples
            return x, redraw_labels(y, self.share, data.classes, seed=seed * 10_007 + epoch)

        return {"x": changing_batches(data.train, self.settings.batch_size, seed, redrawn), "shuffle": False}
