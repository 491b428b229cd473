from __future__ import annotations

from collections.abc import Sequence

from traindiag.capture.scenarios.base import Knobs, Scenario


class ResumedAppended(Scenario):
    """Healthy: started anew from the weights of an earlier part, without `initial_epoch`, into the same log.

    The epochs count from zero again, the CSV is appended to, and History holds the second part alone.
    """

    name = "resumed-appended"
    expected = ("converged", "learning")
    findings = ("resumed",)
    knobs = Knobs(learning_rate=3e-3, units=(32,), dropout=0.2, l2=3e-3)

    def stages(self, epochs: int) -> Sequence[range]:
        first = max(epochs // 3, 1)
        return (range(first), range(epochs - first)) if epochs > 1 else (range(epochs),)
