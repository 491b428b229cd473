from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class OverRegularised(Scenario):
    """Both losses stay poor and close together: weight decay leaves the network next to no weights."""

    name = "over-regularised"
    expected = ("plateau", "underfitting", "stuck-at-chance")
    severity = Severity.WARNING
    knobs = Knobs(learning_rate=1e-3, units=(32,), l2=0.5)
