"""`keras.callbacks.EarlyStopping`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from traindiag.replay.policies.base import Logs, Policy, Replayed, Training
from traindiag.replay.policies.monitor import Monitor, MonitorMode


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Policy):
    """Stop when the monitored value no longer improves.

    Attributes: as in Keras, with Keras' defaults.
    """

    keras_name: ClassVar[str] = "EarlyStopping"

    monitor: str = "val_loss"
    min_delta: float = 0.0
    patience: int = 0
    mode: MonitorMode = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: int = 0

    def start(self) -> Stopping:
        return Stopping(self)


class Stopping(Replayed):
    """EarlyStopping at work.

    Attributes:
        stopped_epoch: where it stopped; None while it has not.
        best, best_epoch: the best value so far and its epoch; None before the first value.
        restored_epoch: the epoch whose weights `on_train_end` puts back; None when it restores none.
    """

    def __init__(self, options: EarlyStopping) -> None:
        self.options = options
        self.monitor = Monitor(options.monitor, options.mode, options.min_delta)
        self.wait = 0
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.restored_epoch: int | None = None
        self.met_baseline = options.baseline is None

    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        current = self.monitor.value(logs, training, "EarlyStopping is conditioned")
        if current is None or epoch < self.options.start_from_epoch:
            return
        self.wait += 1
        if self.monitor.improves(current, self.best):
            self._improved(epoch, current)
        # Keras never stops at epoch 0, whatever the patience.
        elif self.wait >= self.options.patience and epoch > 0:
            self.stopped_epoch = epoch
            training.stop = True

    def _improved(self, epoch: int, current: float) -> None:
        self.best, self.best_epoch = current, epoch
        if self.options.restore_best_weights:
            self.restored_epoch = epoch
        # The wait starts anew only when the baseline is beaten too.
        baseline = self.options.baseline
        if baseline is None or self.monitor.improves(current, baseline):
            self.met_baseline = True
            self.wait = 0
