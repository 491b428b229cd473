from __future__ import annotations

from collections.abc import Sequence

from traindiag.capture.scenarios.base import Knobs, Scenario


class Resumed(Scenario):
    """Healthy: interrupted at two fifths and resumed with `initial_epoch` and a fresh optimizer.

    The CSV is appended to, and the second part writes event files of its own.
    """

    name = "resumed"
    expected = ("converged", "learning")
    knobs = Knobs(learning_rate=3e-3, units=(32,), dropout=0.2, l2=3e-3)

    def stages(self, epochs: int) -> Sequence[range]:
        first = max(2 * epochs // 5, 1)
        return (range(first), range(first, epochs)) if epochs > 1 else (range(epochs),)
