"""Keras callbacks that record a training, and that judge it while it runs.

    from traindiag.capture.recorder import Diagnose
    model.fit(..., callbacks=[Diagnose("logs/run1", stop_on={"non-finite", "diverging"})])

This module needs Keras when it is imported; it works on every backend.
"""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traindiag.capture.batch_axis import BatchAxis
from traindiag.capture.clock import EpochClock, Pace
from traindiag.capture.device import import_keras
from traindiag.capture.facts import FitCall, facts_of, fit_call, has_schedule, learning_rate_of, plain
from traindiag.capture.guard import Guard, tell
from traindiag.capture.hardware import Hardware
from traindiag.capture.recording import Recording, claim
from traindiag.capture.repeats import Repeats
from traindiag.capture.signals import StepSignals, chosen, weights_of
from traindiag.capture.waiting import Waiting

if TYPE_CHECKING:
    from traindiag.model.finding import Finding

_Callback: Any = import_keras().callbacks.Callback
Logs = Mapping[str, Any] | None
_HISTOGRAMS = 50
"""Epochs of a run whose weights are kept as histograms, about."""


class Recorder(_Callback):  # type: ignore[misc]
    """Records every `fit` it is given to, and never harms it.

    Writes ``history.csv`` (a line an epoch, on disk when the epoch ends), ``history.json``, ``run.json`` (optimizer,
    compile arguments, callbacks, batch size, device, versions) and, where TensorBoard is installed, event files in
    ``tb`` with the losses of single batches besides. Beside the metrics it logs ``learning_rate``, ``epoch_time``
    (seconds, validation included), ``step_time`` (seconds a training step, mean), ``data_time`` (those of a step that
    were spent waiting for its batch) and what `traindiag.capture.hardware` tells. Whatever fails while recording is
    told once on standard error and the training goes on.

    A fit with ``initial_epoch`` continues the recording that got as far. Any other fit takes a folder without a
    recording: ``run1``, then ``run1-2``, so that none is ever overwritten. Fits of one epoch each, one after the other
    of the same model, are one run, and so is what follows after `traindiag.capture.repeats.MANY` fits of any length.

    Args:
        folder: where the files go; made when the first epoch begins.
        facts: more to keep in ``run.json``, such as ``{"dataset": "v3"}``.
        signals: of "gradients" (norms, relative updates and idle units by layer), "weights" (norms and histograms),
            "nan-batch" (the first batch whose loss or arrays are not finite, and what these hold). The first and the
            last have the step's function compiled anew.

    Attributes:
        recording: what is recorded of the present fit, or the last one; None before the first.

    Raises:
        UsageError: there is no such signal.
    """

    # Nothing here depends on the order of batches, so JAX may go on dispatching them asynchronously.
    async_safe = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        facts: Mapping[str, Any] | None = None,
        signals: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.recording: Recording | None = None
        self._folder = Path(folder)
        self._more = plain(facts or {})
        self._signals = chosen(signals)
        self._guard = Guard(f"recording to {self._folder}")
        self._call = FitCall(arguments={}, callbacks=())
        self._repeats = Repeats()
        self._open = self._goes_on = False
        self._shift = 0
        self._rate: float | None = None
        self._clock = EpochClock()
        self._batches: BatchAxis | None = None
        self._waiting: Waiting | None = None
        self._hardware: Hardware | None = None
        self._step_signals: StepSignals | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._open = self._goes_on = False
        with self._guard:
            self._call = fit_call(self.model)
            self._goes_on = self._is_one_more()
            self._stop(hardware=not self._goes_on)
            self._rate = None
            self._waiting = Waiting(self.model, self._call.arguments.get("epoch_iterator"))
        if self._signals:
            with self._guard:
                self._step_signals = StepSignals(self.model, self._signals, self._guard)

    def _is_one_more(self) -> bool:
        """Whether this fit goes on with the run of the last one."""
        planned = (self.params or {}).get("epochs")
        begin = self._call.arguments.get("initial_epoch") or 0
        goes_on = self._repeats.goes_on(self.model, planned and planned - begin)
        return goes_on and self.recording is not None and bool(self.recording.epochs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if not self._open:
            with self._guard:
                self._begin(epoch)
        self._open = True
        if self._batches is not None:
            self._batches.begin_epoch(epoch + self._shift)
        self._clock = EpochClock()

    def _begin(self, epoch: int) -> None:
        """The first epoch of a fit."""
        self._shift = 0
        if not self._goes_on:
            self._start(epoch)
        elif self.recording is not None:
            self._shift = self.recording.epochs[-1] + 1 - epoch
            self.recording.facts["complete"] = False
        # The call holds the user's data, which may be dropped by them before the callback is.
        self._call = FitCall(arguments={}, callbacks=())

    def _start(self, epoch: int) -> None:
        self.recording = None
        self._hardware = Hardware()
        params = self.params or {}
        facts = facts_of(self.model, self._call, params) | {"hardware": self._hardware.facts()} | self._more
        self._batches = BatchAxis(
            self.model, facts.get("batch_size"), params.get("epochs"), params.get("steps")
        )
        self.recording = Recording(claim(self._folder, epoch), facts, self._guard)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if batch == 0:
            # Now every scheduler has set the rate of this epoch, and none yet that of the next.
            self._rate = self._rate_now()
        if self._waiting is not None:
            self._waiting.begin_step()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._waiting is not None:
            self._waiting.end_step()
        self._clock.steps = max(self._clock.steps, batch + 1)
        if self._batches is not None:
            with self._guard:
                self._batches.note(batch + 1, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        if self._open:
            self._trained()

    def _trained(self) -> None:
        """At the end of an epoch's training, before its validation: after that, much of it cannot be known."""
        if self._waiting is not None:
            self._waiting.end_step()
        if self._clock.trained is None:
            self._clock.trained = self._clock.seconds()
            with self._guard:
                if self._waiting is not None:
                    self._clock.waited = self._waiting.take()
                if self._batches is not None:
                    self._batches.end_training(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._trained()
        epoch += self._shift
        with self._guard:
            if self.recording is not None:
                self._record_batches()
                self.recording.add(epoch, self._values(epoch, logs))

    def _record_batches(self) -> None:
        if self._batches is not None and self.recording is not None:
            clock = self._clock
            end = clock.wall_time + (clock.trained or 0.0)
            self.recording.add_batches(self._batches.end_epoch(clock.steps), clock.wall_time, end)

    def _values(self, epoch: int, logs: Logs) -> dict[str, float]:
        values = numbers(logs or {})
        rate = self._rate_now() if self._rate is None or has_schedule(self.model) else self._rate
        if rate is not None:
            values["learning_rate"] = rate
        values |= self._clock.values()
        # One source that fails must not cost the others their values.
        for more in (self._hardware_values, self._signal_values):
            with self._guard:
                values |= more(epoch)
        return values

    def _hardware_values(self, epoch: int) -> dict[str, float]:
        return {} if self._hardware is None else self._hardware.take()

    def _signal_values(self, epoch: int) -> dict[str, float]:
        values: dict[str, float] = {}
        assert self.recording is not None
        if self._step_signals is not None:
            values |= self._step_signals.take()
            bad = self._step_signals.bad_batch()
            if bad is not None and "bad_batch" not in self.recording.facts:
                self.recording.know(bad_batch={"epoch": epoch, **bad})
        if "weights" in self._signals:
            norms, arrays = weights_of(self.model)
            values |= norms
            if epoch % max((self.params or {}).get("epochs", 0) // _HISTOGRAMS, 1) == 0:
                self.recording.add_histograms(epoch, arrays)
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
                self._close(self.recording, complete)
        self._open = False
        with self._guard:
            self._stop(hardware=not self._repeats.may_go_on)

    def _close(self, recording: Recording, complete: bool) -> None:
        if not self._repeats.may_go_on:
            recording.close(complete=complete)
            return
        # The next fit may go on with it, and a thousand more: what is left is written when this callback goes.
        recording.rest(complete=complete)
        if not self._goes_on:
            weakref.finalize(self, recording.settle)

    def _stop(self, *, hardware: bool = True) -> None:
        """Lets go of the model, and of what watches the machine."""
        for each in (self._waiting, self._step_signals, self._hardware if hardware else None):
            if each is not None:
                each.stop()
        self._waiting = self._step_signals = None
        if hardware:
            self._hardware = None


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

    Where epochs are so short that judging each would take more than half a percent of the time (some 5 ms for 50
    epochs), it judges as often as that allows, and at the end; a loss that is no number is judged at once.

    Args:
        folder, facts, signals: as for `Recorder`.
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
        signals: Iterable[str] = (),
    ) -> None:
        from traindiag.rules.base import find_rule

        super().__init__(folder, facts=facts, signals=signals)
        names = [stop_on] if isinstance(stop_on, str) else stop_on
        self.stop_on = frozenset(find_rule(name).name for name in names)
        self._told: set[str] = set()
        self._pace = Pace()
        self._judged = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        if not self._goes_on:
            self._told.clear()
            self._pace, self._judged = Pace(), 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch, logs)
        with self._guard:
            if self._pace.is_due() or self._just_broke(logs):
                self._judge()

    def on_train_end(self, logs: Logs = None) -> None:
        super().on_train_end(logs)
        with self._guard:
            if self._pace.is_due() or not self._repeats.may_go_on:
                self._judge()

    def _just_broke(self, logs: Logs) -> bool:
        """Whether a loss is NaN or infinite for the first time: that can wait for no pace."""
        values = numbers(logs or {})
        losses = [value for name, value in values.items() if name in ("loss", "val_loss")]
        return not all(map(math.isfinite, losses)) and "non-finite" not in self._told

    def _judge(self) -> None:
        record = self.recording
        if record is None or self._judged == len(record.epochs):
            return
        begin = time.perf_counter()
        for finding in self._findings(record):
            self._speak(record.epochs[-1], finding)
        self._judged = len(record.epochs)
        self._pace.done(time.perf_counter() - begin)

    def _findings(self, record: Recording) -> tuple[Finding, ...]:
        from traindiag.diagnosis import diagnose_run
        from traindiag.model.convert import run_from_history

        run = run_from_history(record.history, epoch=record.epochs, params=record.facts)
        return diagnose_run(run).findings

    def _speak(self, epoch: int, finding: Finding) -> None:
        from traindiag.rules.base import find_rule

        stops = finding.rule in self.stop_on
        if finding.rule not in self._told and (stops or finding.severity.rank > 0):
            self._told.add(finding.rule)
            end = "; the training stops here" if stops else ""
            tell(f"epoch {epoch}: {finding.rule} ({find_rule(finding.rule).code}): {finding.message}{end}")
        if stops:
            self.model.stop_training = True
