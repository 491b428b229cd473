from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class TrainedTooLong(Scenario):
    """Healthy, but the best level was reached in the first quarter: the other epochs won nothing."""

    name = "trained-too-long"
    expected = ("converged",)
    findings = ("trained-too-long",)
    epochs = 120
    knobs = Knobs(learning_rate=5e-3, units=(8,), batch_size=64, l2=3e-3)
    dataset = "clusters"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=1920, val=960)
