"""`keras.callbacks.LearningRateScheduler` with the usual schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from traindiag.model.errors import UsageError
from traindiag.replay.policies.base import Logs, Policy, Replayed, Training

Kind = Literal["constant", "step", "exponential", "cosine", "linear"]


@dataclass(frozen=True, kw_only=True)
class Schedule(Policy):
    """A learning rate that depends on the epoch alone.

    Attributes:
        kind: ``constant``; ``step``: times `drop` every `every` epochs; ``exponential``: times `drop` each
            epoch; ``cosine`` (Loshchilov and Hutter, SGDR, 2017, without restarts) and ``linear``: from `lr` to
            `end` over `epochs` epochs.
        lr: rate at epoch 0; the log's first rate when not given, else 1, so that rates are relative.
        drop: factor, below 1 in use.
        every: epochs between drops.
        end: the last rate.
        epochs: length of the decay; that of the run when not given.
        warmup: epochs over which the rate rises in a straight line to what the schedule says then.
    """

    keras_name: ClassVar[str] = "LearningRateScheduler"

    kind: Kind = "constant"
    lr: float | None = None
    drop: float = 0.5
    every: int = 10
    end: float = 0.0
    epochs: int | None = None
    warmup: int = 0

    def __post_init__(self) -> None:
        for name, least in (("every", 1), ("warmup", 0), ("epochs", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name}={value} makes no schedule", next_step=f"give {least} or more")

    def rate(self, epoch: int, start: float, length: int) -> float:
        """The rate of an epoch.

        Args:
            epoch: zero-based.
            start: rate at epoch 0, for schedules without `lr`.
            length: epochs of the run, for schedules without `epochs`.
        """
        first = start if self.lr is None else self.lr
        share = min(1.0, epoch / max(1, (self.epochs or length) - 1))
        rate = {
            "constant": first,
            "step": first * self.drop ** (epoch // self.every),
            "exponential": first * self.drop**epoch,
            "cosine": self.end + (first - self.end) * 0.5 * (1 + math.cos(math.pi * share)),
            "linear": first + (self.end - first) * share,
        }[self.kind]
        return rate * (epoch + 1) / (self.warmup + 1) if epoch < self.warmup else rate

    def start(self, first_rate: float = 1.0, length: int = 1) -> Scheduled:
        return Scheduled(self, first_rate, length)


class Scheduled(Replayed):
    """LearningRateScheduler at work.

    Attributes:
        rates: (epoch, rate) of every epoch begun.
    """

    def __init__(self, options: Schedule, first_rate: float, length: int) -> None:
        self.options = options
        self.first_rate = first_rate
        self.length = length
        self.rates: list[tuple[int, float]] = []

    def epoch_begin(self, epoch: int, training: Training) -> None:
        training.set_rate(self.options.rate(epoch, self.first_rate, self.length))
        assert training.learning_rate is not None
        self.rates.append((epoch, training.learning_rate))

    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        return
