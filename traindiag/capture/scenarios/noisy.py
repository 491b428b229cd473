from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class Noisy(Scenario):
    """Healthy but noisy: batches of four make both losses jump about a level that is good."""

    name = "noisy"
    expected = ("converged", "learning")
    epochs = 40
    knobs = Knobs(learning_rate=2e-3, units=(32,), batch_size=4, dropout=0.3, l2=2e-3)

    def data(self, seed: int) -> Data:
        return self.load(seed, train=480, val=192)
