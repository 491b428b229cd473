from __future__ import annotations

from dataclasses import replace
from typing import Any

from traindiag.capture.batches import changing_batches
from traindiag.capture.data import Data, Pair, redraw_labels
from traindiag.capture.scenarios.base import Knobs, Scenario
from traindiag.model.finding import Severity


class StuckRandomLabels(Scenario):
    """There is nothing to learn: inputs and labels no longer belong together, in neither split.

    The pipeline shuffles the labels by themselves, anew in each epoch.
    """

    name = "stuck-random-labels"
    expected = ("stuck-at-chance",)
    severity = Severity.ERROR
    epochs = 30
    knobs = Knobs(learning_rate=3e-4, units=(16,))
    datasets = ("breast-cancer", "clusters", "overlapping", "moons", "rings", "quantiles", "hastie", "hypercube",
                "spirals")  # fmt: skip

    def data(self, seed: int) -> Data:
        clean = self.load(seed)
        assert clean.val is not None
        x, y = clean.val
        return replace(clean, val=(x, redraw_labels(y, 1.0, clean.classes, seed)))

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        def redrawn(epoch: int, samples: Pair) -> Pair:
            x, y = samples
            return x, redraw_labels(y, 1.0, data.classes, seed=seed * 10_007 + epoch)

        return {"x": changing_batches(data.train, self.settings.batch_size, seed, redrawn), "shuffle": False}
