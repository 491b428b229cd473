from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class UnderCapacity(Scenario):
    """Both losses level off at a poor level: one hidden unit cannot tell the classes apart."""

    name = "under-capacity"
    expected = ("plateau",)
    severity = Severity.WARNING
    epochs = 80
    knobs = Knobs(learning_rate=3e-2, units=(1,), activation="tanh")
    datasets = ("clusters", "overlapping", "quantiles", "hypercube", "spirals")
