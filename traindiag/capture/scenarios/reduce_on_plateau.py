from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class ReduceOnPlateau(Scenario):
    """Healthy: ReduceLROnPlateau lowers the rate whenever validation stands still, and the loss answers."""

    name = "reduce-on-plateau"
    expected = ("converged", "learning")
    epochs = 50
    knobs = Knobs(optimizer="sgd", learning_rate=0.4, units=(32,), dropout=0.2, l2=1e-3)

    def callbacks(self, epochs: int) -> list[Any]:
        reduce = import_keras().callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=4)
        return [*super().callbacks(epochs), reduce]
