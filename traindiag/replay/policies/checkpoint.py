"""`keras.callbacks.ModelCheckpoint`, saving at the end of epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from traindiag.replay.policies.base import Logs, Policy, Replayed, Training
from traindiag.replay.policies.monitor import Monitor, MonitorMode


@dataclass(frozen=True, kw_only=True)
class ModelCheckpoint(Policy):
    """Save the model after epochs, or only after those that improve.

    Attributes: as in Keras, with Keras' defaults.
    """

    keras_name: ClassVar[str] = "ModelCheckpoint"

    monitor: str = "val_loss"
    save_best_only: bool = False
    mode: MonitorMode = "auto"
    initial_value_threshold: float | None = None

    def start(self) -> Saving:
        return Saving(self)


class Saving(Replayed):
    """ModelCheckpoint at work on one file.

    Attributes:
        saved: the epochs it saved after; the last one is what the file holds.
    """

    def __init__(self, options: ModelCheckpoint) -> None:
        self.options = options
        # Keras resolves the direction also where every epoch is saved, and fails there too.
        self.monitor = Monitor(options.monitor, options.mode)
        self.best = options.initial_value_threshold
        self.saved: list[int] = []

    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        if self._should_save(logs, training):
            self.saved.append(epoch)

    def _should_save(self, logs: Logs, training: Training) -> bool:
        if not self.options.save_best_only:
            return True
        current = self.monitor.value(logs, training, "ModelCheckpoint saves the best")
        if current is None:
            return True  # Keras warns and saves every such epoch.
        if not self.monitor.improves(current, self.best):
            return False
        self.best = current
        return True
