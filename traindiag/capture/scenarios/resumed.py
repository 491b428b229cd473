from __future__ import annotations

from collections.abc import Sequence

from traindiag.capture.data import Data, digits
from traindiag.capture.scenarios.base import Knobs, Scenario


class Resumed(Scenario):
    """Healthy: interrupted at two fifths and resumed with `initial_epoch` and a fresh optimizer.

    The CSV is appended to, and the second part writes event files of its own.
    """

    name = "resumed"
    expected = ("converged", "learning")
    epochs = 40
    knobs = Knobs(learning_rate=1e-3, units=(32,), dropout=0.2, l2=1e-4)

    def data(self, seed: int) -> Data:
        return digits(seed)

    def stages(self, epochs: int) -> Sequence[int]:
        return (max(2 * epochs // 5, 1), epochs) if epochs > 1 else (epochs,)
