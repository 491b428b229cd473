from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario


class Dropout(Scenario):
    """Healthy: dropout makes training harder than validation, whose loss lies below it all along."""

    name = "dropout"
    expected = ("converged", "learning")
    epochs = 50
    knobs = Knobs(learning_rate=1e-3, units=(128,), dropout=0.4, l2=1e-3)
