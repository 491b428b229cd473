"""`keras.callbacks.ReduceLROnPlateau`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from traindiag.model.errors import UsageError
from traindiag.replay.policies.base import Logs, Policy, Replayed, Training, float32
from traindiag.replay.policies.monitor import Monitor, MonitorMode


@dataclass(frozen=True, kw_only=True)
class ReduceLROnPlateau(Policy):
    """Lower the learning rate when the monitored value no longer improves.

    Attributes: as in Keras, with Keras' defaults.

    Raises:
        UsageError: `factor` is 1 or more, as Keras' ValueError.
    """

    keras_name: ClassVar[str] = "ReduceLROnPlateau"

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    mode: MonitorMode = "auto"
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        if self.factor >= 1.0:
            raise UsageError(
                f"ReduceLROnPlateau does not take a factor of {self.factor:g}",
                next_step="give a factor below 1, such as factor=0.1",
            )

    def start(self) -> Reducing:
        return Reducing(self)


class Reducing(Replayed):
    """ReduceLROnPlateau at work.

    Where the log does not know the learning rate, it is taken for 1, so that drops are relative.

    Attributes:
        drops: (epoch, rate before, rate after) of every drop, in order.
    """

    def __init__(self, options: ReduceLROnPlateau) -> None:
        self.options = options
        self.monitor = Monitor(options.monitor, options.mode, options.min_delta)
        self.wait = 0
        self.cooldown = 0
        self.best: float | None = None
        self.drops: list[tuple[int, float, float]] = []

    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        current = self.monitor.value(logs, training, "ReduceLROnPlateau is conditioned")
        if current is None:
            return
        if self.cooldown > 0:
            self.cooldown -= 1
            self.wait = 0
        if self.monitor.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif self.cooldown <= 0:
            self.wait += 1
            if self.wait >= self.options.patience:
                self._reduce(epoch, training)

    def _reduce(self, epoch: int, training: Training) -> None:
        old = 1.0 if training.learning_rate is None else training.learning_rate
        if not old > float32(self.options.min_lr):
            return  # At the floor the wait goes on, and so does the next try.
        training.set_rate(max(old * self.options.factor, self.options.min_lr))
        assert training.learning_rate is not None
        self.drops.append((epoch, old, training.learning_rate))
        self.cooldown = self.options.cooldown
        self.wait = 0
