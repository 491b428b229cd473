from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.scenarios.base import Knobs, Scenario


class CallbacksMisconfigured(Scenario):
    """Healthy, but EarlyStopping watches a metric that is not there, and ReduceLROnPlateau one the wrong way up."""

    name = "callbacks-misconfigured"
    expected = ("converged", "learning")
    findings = ("callback-misconfigured",)
    knobs = Knobs(learning_rate=1e-3, units=(32,), dropout=0.2, l2=2e-3)

    def callbacks(self, epochs: int) -> list[Any]:
        callbacks = import_keras().callbacks
        return [
            *super().callbacks(epochs),
            callbacks.EarlyStopping(monitor="val_acc", mode="max", patience=5),
            callbacks.ReduceLROnPlateau(monitor="val_loss", mode="max", patience=30),
        ]
