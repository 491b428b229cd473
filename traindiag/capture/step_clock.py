"""A callback that adds the seconds of each epoch, of its steps and of their waiting for data to the epoch's logs."""

from __future__ import annotations

import time
from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.facts import fit_call
from traindiag.capture.waiting import Waiting


def step_clock() -> Any:
    """Logs ``epoch_time``, ``step_time`` and ``data_time``, for every callback after it to record.

    ``step_time`` is the mean of a training step in seconds, ``data_time`` the part of it that waited for the batch.
    """
    base: Any = import_keras().callbacks.Callback

    class StepClock(base):  # type: ignore[misc]
        async_safe = True

        def on_train_begin(self, logs: Any = None) -> None:
            self.waiting = Waiting(self.model, fit_call(self.model).arguments.get("epoch_iterator"))

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.begin, self.steps = time.perf_counter(), 0
            self.trained: float | None = None
            self.waited: float | None = None

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.waiting.begin_step()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.waiting.end_step()
            self.steps = max(self.steps, batch + 1)

        def on_test_begin(self, logs: Any = None) -> None:
            self.end_training()

        def end_training(self) -> None:
            # Validation comes next, and is no training.
            if self.trained is None:
                self.trained = time.perf_counter() - self.begin
                self.waited = self.waiting.take()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.end_training()
            if logs is not None and self.trained is not None and self.steps:
                logs["epoch_time"] = time.perf_counter() - self.begin
                logs["step_time"] = self.trained / self.steps
                if self.waited is not None:
                    logs["data_time"] = self.waited / self.steps

        def on_train_end(self, logs: Any = None) -> None:
            self.waiting.stop()

    return StepClock()
