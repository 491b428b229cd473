from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class StuckHighRate(Scenario):
    """The first steps are so long that every unit dies, and the rest of the run guesses.

    A deep stack of ReLU layers under several hundred times the usual learning rate.
    """

    name = "stuck-high-rate"
    expected = ("stuck-at-chance", "oscillating", "plateau")
    severity = Severity.ERROR
    epochs = 30
    knobs = Knobs(learning_rate=0.5, units=(32,) * 4)
