"""`keras.callbacks.TerminateOnNaN`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from traindiag.replay.policies.base import Logs, Policy, Replayed, Training


@dataclass(frozen=True, kw_only=True)
class TerminateOnNaN(Policy):
    """Stop in the epoch in which the training loss became NaN or infinite.

    Keras looks after every batch, at the running mean of the epoch. A NaN or an infinity stays in that mean,
    so the epoch's own value shows it. Keras still ends the epoch: its logs are written, the other callbacks run.
    """

    keras_name: ClassVar[str] = "TerminateOnNaN"

    def start(self) -> Terminating:
        return Terminating()


class Terminating(Replayed):
    """TerminateOnNaN at work.

    Attributes:
        stopped_epoch: where it stopped; None while it has not.
    """

    def __init__(self) -> None:
        self.stopped_epoch: int | None = None

    def epoch_end(self, epoch: int, logs: Logs, training: Training) -> None:
        loss = logs.get("loss")
        if loss is not None and not math.isfinite(loss):
            self.stopped_epoch = epoch
            training.stop = True
