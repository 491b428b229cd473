from __future__ import annotations

from traindiag.capture.scenarios.base import Knobs
from traindiag.capture.scenarios.oscillating_rate import OscillatingRate
from traindiag.model.finding import Severity


class OscillatingBatch(OscillatingRate):
    """The loss swings to and fro: batches of one sample, at a rate that batches of eight would bear five times over.

    The same regression as in oscillating-rate. Each step answers one noisy sample, and overshoots.
    """

    name = "oscillating-batch"
    expected = ("oscillating", "plateau", "loss-spike", "diverging")
    severity = Severity.WARNING
    knobs = Knobs(optimizer="sgd", learning_rate=0.076, units=(), batch_size=1)
    samples = 96
