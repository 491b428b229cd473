"""A callback that adds what the training step tells of itself to the epoch's logs."""

from __future__ import annotations

from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.guard import Guard
from traindiag.capture.signals import StepSignals


def signal_logger() -> Any:
    """Logs norms of gradients, relative updates and the share of idle units, for every callback after it to record."""
    base: Any = import_keras().callbacks.Callback

    class SignalLogger(base):  # type: ignore[misc]
        async_safe = True

        def on_train_begin(self, logs: Any = None) -> None:
            self.signals = StepSignals(self.model, frozenset({"gradients"}), Guard("logging gradients"))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if logs is not None:
                logs.update(self.signals.take())

        def on_train_end(self, logs: Any = None) -> None:
            self.signals.stop()

    return SignalLogger()
