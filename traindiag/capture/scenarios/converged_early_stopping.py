from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario


class ConvergedEarlyStopping(Scenario):
    """Healthy: EarlyStopping ended the run, so validation is flat for its patience at the end.

    Training still falls in those epochs, as it does in every run that EarlyStopping ends.
    """

    name = "converged-early-stopping"
    expected = ("converged", "learning")
    epochs = 100
    knobs = Knobs(learning_rate=1e-3, units=(64,), dropout=0.2, patience=5)
