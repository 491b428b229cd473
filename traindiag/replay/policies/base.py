"""What every what-if policy is: a Keras callback's rule without Keras, fed the logged epochs one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

Logs = Mapping[str, float]
"""What `Callback.on_epoch_end` is given: ``{"loss": 0.4, "val_loss": 0.5}``; a metric not logged is absent."""


def float32(value: float) -> float:
    """The value as Keras keeps and compares it, whatever the backend: rounded to single precision."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


@dataclass(slots=True)
class Training:
    """The part of a Keras model that callbacks act on.

    Attributes:
        learning_rate: the optimizer's rate in this replay; None when the log does not know it.
        stop: whether `model.stop_training` was set.
        warnings: what Keras would have warned of, each once.
    """

    learning_rate: float | None = None
    stop: bool = False
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        """Add a warning unless it was said before."""
        if message not in self.warnings:
            self.warnings.append(message)

    def set_rate(self, rate: float) -> None:
        """Assign the learning rate as an optimizer does: in single precision."""
        self.learning_rate = float32(rate)


class Policy(ABC):
    """One callback. Options are the dataclass fields, named as in Keras.

    Class attributes:
        keras_name: the class it replays.
    """

    keras_name: ClassVar[str]

    @abstractmethod
    def start(self) -> Replayed:
        """A fresh callback at `on_train_begin`."""


class Replayed(ABC):
    """A policy at work on one run."""

    def epoch_begin(self, epoch: int, training: Training) -> None:
        """What `on_epoch_begin` does."""
        return

    @abstractmethod
    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        """What `on_epoch_end` does."""
