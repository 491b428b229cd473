from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class Regression(Scenario):
    """Healthy regression: squared errors level off, train and validation alike, and no accuracy is logged."""

    name = "regression"
    expected = ("converged", "learning")
    epochs = 60
    knobs = Knobs(learning_rate=1e-2, units=(16,), batch_size=64, l2=3e-3)
    dataset = "friedman"

    def data(self, seed: int) -> Data:
        return self.load(seed, train=1920, val=768)
