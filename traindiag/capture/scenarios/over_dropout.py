from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverDropout(Scenario):
    """Nothing is learned: dropout takes nearly all units away in each step."""

    name = "over-dropout"
    expected = ("stuck-at-chance", "plateau")
    findings = ("head-mismatch",)
    severity = Severity.ERROR
    epochs = 40
    knobs = Knobs(learning_rate=1e-3, units=(16, 16), dropout=0.92)
    datasets = ("clusters", "overlapping", "quantiles", "hypercube", "spirals")
