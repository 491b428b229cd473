from __future__ import annotations

from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data, Pair, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class LateCorruption(Scenario):
    """The loss rises for good in mid-run: from then on nine labels in ten are wrong.

    As when a join breaks after the data were refreshed.
    """

    name = "late-corruption"
    expected = ("diverging", "data-problem")
    severity = Severity.ERROR
    knobs = Knobs(learning_rate=1e-3, units=(32,), l2=1e-3)
    start = 22

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        def corrupted(epoch: int, samples: Pair) -> Pair:
            x, y = samples
            share = 0.9 if epoch >= self.start else 0.0
            return x, redraw_labels(y, share, data.classes, seed=seed * 10_007 + epoch)

        return {
            "x": changing_batches(data.train, self.settings.batch_size, seed, corrupted),
            "shuffle": False,
        }
