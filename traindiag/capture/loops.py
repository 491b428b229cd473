"""Hand-written loops of `train_on_batch` and `test_on_batch`, recorded as epochs where there are any."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traindiag.capture.facts import FitCall, facts_of, known, learning_rate_of, samples_of
from traindiag.capture.files import Cell, Table
from traindiag.capture.guard import Guard
from traindiag.capture.recording import Recording, claim, write_facts

_FLUSH = 1.0
"""Seconds between two writings of single steps."""


class Mean:
    """Mean of the values of batches, weighted by their size; or the last one, where they are means already."""

    def __init__(self, *, running: bool) -> None:
        self._running = running
        self._sums: dict[str, float] = {}
        self._sizes: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._sums)

    def add(self, values: Mapping[str, float], size: int) -> None:
        for name, value in values.items():
            weight = 0 if self._running else 1
            self._sums[name] = weight * self._sums.get(name, 0.0) + value * size
            self._sizes[name] = weight * self._sizes.get(name, 0) + size

    def values(self, prefix: str = "") -> dict[str, float]:
        return {prefix + name: total / self._sizes[name] for name, total in self._sums.items()}


def _metric_names(model: Any) -> list[str]:
    """What a list of results of `train_on_batch` means, in its order."""
    # Keras 2 has them as an attribute.
    names = model.get_metrics_result() if hasattr(model, "get_metrics_result") else model.metrics_names
    return [str(name) for name in names]


class Loop:
    """One model's loop.

    An epoch ends when training goes on after `steps_per_epoch` steps, or, where that is not given, after an
    evaluation. A loop that is never evaluated, or only once at its end, has no epochs: its steps are recorded, and the
    first two epochs replace them.

    Args:
        folder: of the run, see `claim`.
        model: the Keras model; not kept alive.
        steps_per_epoch: None to go by evaluations.
        running_means: whether Keras returns means since the last reset, as it did before 3.15.
    """

    def __init__(self, folder: Path, model: Any, *, steps_per_epoch: int | None, running_means: bool) -> None:
        self._model = weakref.ref(model)
        self._folder = folder
        self._guard = Guard(f"recording to {folder}")
        self._steps_per_epoch = steps_per_epoch
        self._running = running_means
        self._names: list[str] = []
        self._recording: Recording | None = None
        self._waiting: list[dict[str, Cell]] = []
        self._first: tuple[dict[str, float], float] | None = None
        self._table: Table | None = None
        self._home: Path | None = None
        self._flushed = time.monotonic()
        self._process = os.getpid()
        self._steps = self._epoch = 0
        self._is_finished = False
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._train, self._val = Mean(running=self._running), Mean(running=self._running)
        self._steps_now = 0
        self._rate: dict[str, float] = {}

    def trained(self, result: Any, x: Any) -> None:
        """After a `train_on_batch`."""
        if self._is_over():
            self._end_epoch()
        size = samples_of(x) or 1
        if self._home is None:
            self._start(size)
        if not self._steps_now:
            self._rate = known({"learning_rate": lambda: learning_rate_of(self._model())})
        values = self._named(result)
        self._train.add(values, size)
        self._steps_now += 1
        if self._recording is None:
            self._note({"step": self._steps, **values})
        self._steps += 1

    def tested(self, result: Any, x: Any) -> None:
        """After a `test_on_batch` (x is its input) or an `evaluate` (x is None)."""
        if self._steps_now:
            self._val.add(self._named(result), samples_of(x) or 1)

    def _is_over(self) -> bool:
        if self._steps_per_epoch is not None:
            return self._steps_now >= self._steps_per_epoch
        return bool(self._val)

    def _start(self, size: int) -> None:
        self._home = claim(self._folder)
        call = FitCall(arguments={"batch_size": size}, callbacks=())
        facts = facts_of(self._model(), call, {"steps": self._steps_per_epoch})
        self._facts = facts | {"loop": "train_on_batch"}
        self._table = Table(self._home / "steps.csv")
        write_facts(self._home, self._facts)

    def _named(self, result: Any) -> dict[str, float]:
        if isinstance(result, Mapping):
            return {str(name): float(value) for name, value in result.items()}
        numbers = [float(each) for each in (result if isinstance(result, (list, tuple)) else [result])]
        if len(self._names) != len(numbers):
            names = _metric_names(self._model())
            fits = len(names) == len(numbers)
            self._names = names if fits else ["loss", *(f"metric_{i}" for i in range(1, len(numbers)))]
        return dict(zip(self._names, numbers, strict=True))

    def _end_epoch(self) -> None:
        values = {**self._train.values(), **self._val.values("val_"), **self._rate}
        now = time.time()
        if self._recording is not None:
            self._recording.add(self._epoch, values, now)
        elif self._first is None:
            # One evaluation may be the last word on the test set: two make epochs.
            self._first = (values, now)
            self._note({"step": self._steps - 1, **self._val.values("val_")})
            if self._steps_per_epoch is not None:
                self._as_epochs()
        else:
            self._as_epochs()
            self._recorded().add(self._epoch, values, now)
        self._epoch += 1
        self._begin_epoch()

    def _as_epochs(self) -> None:
        """From single steps to epochs."""
        assert self._home is not None
        assert self._first is not None
        self._recording = Recording(self._home, self._facts, self._guard)
        values, now = self._first
        self._recording.add(0, values, now)
        self._waiting.clear()
        (self._home / "steps.csv").unlink(missing_ok=True)

    def _recorded(self) -> Recording:
        assert self._recording is not None
        return self._recording

    def _note(self, row: dict[str, Cell]) -> None:
        self._waiting.append(row)
        if time.monotonic() - self._flushed > _FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        waiting, self._waiting = self._waiting, []
        if self._table is not None and waiting:
            self._table.append(waiting)

    def finish(self) -> None:
        """At the end of the script or of the model: the last epoch if it is whole, or the steps that wait."""
        if os.getpid() != self._process or self._is_finished:
            return  # Forked off: the loop is its parent's.
        self._is_finished = True
        once = self._recording is None and self._first is None and self._steps_per_epoch is None
        if self._train and self._is_over() and not once:
            self._end_epoch()
        if self._recording is not None:
            self._recording.close(complete=True)
            return
        if self._val:
            self._waiting.append({"step": self._steps - 1, **self._val.values("val_")})
        self._flush()
