from __future__ import annotations

from typing import Any

from traindiag.capture.scenarios.diverging import Diverging
from traindiag.capture.signal_logger import signal_logger
from traindiag.model.finding import Severity


class ExplodingGradient(Diverging):
    """The loss rises for good, and the gradients in the log rise with it: each step ends farther out.

    The same regression beyond its stable learning rate as in diverging.
    """

    name = "exploding-gradient"
    expected = ("diverging",)
    findings = ("exploding-gradient",)
    severity = Severity.ERROR

    def callbacks(self, epochs: int) -> list[Any]:
        return [*super().callbacks(epochs), signal_logger()]
