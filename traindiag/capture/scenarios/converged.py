from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class Converged(Scenario):
    """Healthy: both losses level off at a good level, close together.

    Plenty of samples for a small network, so that there is nothing to memorise.
    """

    name = "converged"
    expected = ("converged",)
    epochs = 50
    knobs = Knobs(learning_rate=2e-3, units=(8,), batch_size=64)
    dataset = "clusters"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=2880, val=960)
