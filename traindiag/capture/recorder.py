"""Keras callbacks that record a training, and that judge it while it runs.

    from traindiag.capture.recorder import Diagnose
    model.fit(..., callbacks=[Diagnose("logs/run1", stop_on={"non-finite", "diverging"})])

This module needs Keras when it is imported; it works on every backend.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traindiag.capture.device import import_keras
from traindiag.capture.facts import FitCall, facts_of, fit_call, has_schedule, learning_rate_of, plain
from traindiag.capture.guard import Guard, tell
from traindiag.capture.recording import Recording, claim

if TYPE_CHECKING:
    from traindiag.model.finding import Finding

_Callback: Any = import_keras().callbacks.Callback
Logs = Mapping[str, Any] | None


class Recorder(_Callback):  # type: ignore[misc]
    """Records every `fit` it is given to, and never harms it.

    Writes ``history.csv`` (a line an epoch, on disk when the epoch ends), ``history.json``, ``run.json`` (optimizer,
    compile arguments, callbacks, batch size, device, versions) and, where TensorBoard is installed, event files in
    ``tb``. Beside the metrics it logs ``learning_rate``, ``epoch_time`` (seconds, validation included) and
    ``step_time`` (seconds a training step, mean). Whatever fails while recording is told once on standard error and
    the training goes on.

    A fit with ``initial_epoch`` continues the recording that got as far. Any other fit takes a folder without a
    recording: ``run1``, then ``run1-2``, so that none is ever overwritten.

    Args:
        folder: where the files go; made when the first epoch begins.
        facts: more to keep in ``run.json``, such as ``{"dataset": "v3"}``.

    Attributes:
        recording: what is recorded of the present fit, or the last one; None before the first.
    """

    # Nothing here depends on the order of batches, so JAX may go on dispatching them asynchronously.
    async_safe = True

    def __init__(self, folder: str | os.PathLike[str], *, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.recording: Recording | None = None
        self._folder = Path(folder)
        self._more = plain(facts or {})
        self._guard = Guard(f"recording to {self._folder}")
        self._call = FitCall(arguments={}, callbacks=())
        self._open = False
        self._rate: float | None = None
        self._steps = 0
        self._begin = 0.0
        self._trained: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether a fit is under way, or was broken off."""
        return self._open

    def on_train_begin(self, logs: Logs = None) -> None:
        with self._guard:
            self._open, self._rate = False, None
            self._call = fit_call(self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if not self._open:
            with self._guard:
                self._start(epoch)
        self._open = True
        self._steps, self._trained = 0, None
        self._begin = time.perf_counter()

    def _start(self, epoch: int) -> None:
        self.recording = None
        facts = facts_of(self.model, self._call, self.params or {}) | self._more
        # The call holds the user's data, which may be dropped by them before the callback is.
        self._call = FitCall(arguments={}, callbacks=())
        self.recording = Recording(claim(self._folder, epoch), facts, self._guard)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if batch == 0:
            # Now every scheduler has set the rate of this epoch, and none yet that of the next.
            self._rate = self._rate_now()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._steps = max(self._steps, batch + 1)

    def on_test_begin(self, logs: Logs = None) -> None:
        if self._open and self._trained is None:
            self._trained = time.perf_counter() - self._begin

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        with self._guard:
            if self.recording is not None:
                self.recording.add(epoch, self._values(logs))

    def _values(self, logs: Logs) -> dict[str, float]:
        seconds = time.perf_counter() - self._begin
        values = numbers(logs or {})
        rate = self._rate_now() if self._rate is None or has_schedule(self.model) else self._rate
        if rate is not None:
            values["learning_rate"] = rate
        values["epoch_time"] = round(seconds, 6)
        if self._steps:
            values["step_time"] = round((self._trained or seconds) / self._steps, 9)
        return values

    def _rate_now(self) -> float | None:
        try:
            return learning_rate_of(self.model)
        except Exception:  # Not every optimizer has a rate.
            return None

    def on_train_end(self, logs: Logs = None) -> None:
        self.finish(complete=True)

    def finish(self, *, complete: bool = False) -> None:
        """Writes what is left; for a training that was broken off, where Keras calls no hook."""
        with self._guard:
            if self._open and self.recording is not None:
                self.recording.close(complete=complete)
        self._open = False


def numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The logs that are single numbers."""
    values = {}
    for name, value in logs.items():
        try:
            values[str(name)] = float(value)
        except (TypeError, ValueError):
            continue  # A confusion matrix, say.
    return values


class Diagnose(Recorder):
    """Records a training and judges it after each epoch: one line on standard error for each new finding.

    Args:
        folder, facts: as for `Recorder`.
        stop_on: names or codes of rules; when one of them finds something the training is stopped as
            EarlyStopping would, after the epoch.

    Raises:
        UsageError: `stop_on` names no rule.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        stop_on: Iterable[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        from traindiag.rules.base import find_rule

        super().__init__(folder, facts=facts)
        names = [stop_on] if isinstance(stop_on, str) else stop_on
        self.stop_on = frozenset(find_rule(name).name for name in names)
        self._told: set[str] = set()

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self._told.clear()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch, logs)
        with self._guard:
            for finding in self._findings():
                self._speak(epoch, finding)

    def _findings(self) -> tuple[Finding, ...]:
        from traindiag.diagnosis import diagnose_run
        from traindiag.model.convert import run_from_history

        if self.recording is None:
            return ()
        record = self.recording
        return diagnose_run(
            run_from_history(record.history, epoch=record.epochs, params=record.facts)
        ).findings

    def _speak(self, epoch: int, finding: Finding) -> None:
        from traindiag.rules.base import find_rule

        stops = finding.rule in self.stop_on
        if finding.rule not in self._told and (stops or finding.severity.rank > 0):
            self._told.add(finding.rule)
            end = "; the training stops here" if stops else ""
            tell(f"epoch {epoch}: {finding.rule} ({find_rule(finding.rule).code}): {finding.message}{end}")
        if stops:
            self.model.stop_training = True
