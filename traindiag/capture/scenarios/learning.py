from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs, Scenario


class Learning(Scenario):
    """Stopped too early: both losses still fall.

    Handwritten digits with a modest learning rate and too few epochs.
    """

    name = "learning"
    expected = ("learning",)
    epochs = 20
    knobs = Knobs(learning_rate=2e-4, units=(32,), batch_size=64)
