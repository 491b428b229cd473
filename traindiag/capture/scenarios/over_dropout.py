from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverDropout(Scenario):
    """Both losses level off at a poor level: dropout takes nearly all units away in each step."""

    name = "over-dropout"
    expected = ("plateau", "stuck-at-chance")
    severity = Severity.WARNING
    epochs = 80
    knobs = Knobs(learning_rate=1e-3, units=(16, 16), dropout=0.92)
    datasets = ("clusters", "overlapping", "quantiles", "hypercube", "spirals")
