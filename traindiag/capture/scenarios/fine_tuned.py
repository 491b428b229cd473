from __future__ import annotations

from typing import Any

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class FineTuned(Scenario):
    """Healthy: a trained network goes on at a small learning rate; it starts good and gains little.

    The network was trained before on the same samples; that part is not in the log.
    """

    name = "fine-tuned"
    expected = ("learning", "converged")
    epochs = 25
    knobs = Knobs(learning_rate=3e-5, units=(48,), dropout=0.3, l2=1e-4)

    def model(self, data: Data, seed: int) -> Any:
        model = super().model(data, seed)
        loss = "mse" if data.classes is None else "sparse_categorical_crossentropy"
        model.compile(optimizer="adam", loss=loss)
        model.fit(*data.train, epochs=15, verbose=0)
        return model
