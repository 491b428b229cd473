from __future__ import annotations

from traindiag.capture.data import Data
from traindiag.capture.scenarios.base import Knobs, Scenario


class Imbalanced(Scenario):
    """Healthy though accuracy hardly moves: it begins at the share of the larger class, nineteen in twenty."""

    name = "imbalanced"
    expected = ("converged", "learning")
    knobs = Knobs(learning_rate=4e-3, units=(16,), batch_size=64, l2=3e-3)
    dataset = "imbalanced"
    datasets = ()

    def data(self, seed: int) -> Data:
        return self.load(seed, train=1920, val=768)
