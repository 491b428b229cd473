from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario


class TooShort(Scenario):
    """Two epochs: too few to judge anything by."""

    name = "too-short"
    expected = ("too-short",)
    epochs = 2
    knobs = Knobs(learning_rate=1e-3, units=(32,))
