"""Seconds a training spends waiting for its next batch, whatever makes the batches.

Callbacks cannot tell: TensorFlow and JAX take the next batch inside the step. So the taking itself is timed. On
JAX and PyTorch a Python iterator hands the batches over, and another one around it has a clock. On TensorFlow the
step's graph asks a ``tf.data`` iterator: when the graph is traced, two readings of the clock are put around that.
Nothing else of the step changes, and no number in it.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from traindiag.capture.device import import_keras


class Waiting:
    """The clock of one model's training.

    Args:
        model: the Keras model, in `fit`.
        epoch_iterator: Keras' own, from the call of `fit`; None when not found, and then nothing is measured.
    """

    def __init__(self, model: Any, epoch_iterator: Any) -> None:
        self._graph: _GraphClock | None = None
        self._python: _PythonClock | None = None
        if epoch_iterator is None:
            return
        if import_keras().backend.backend() == "tensorflow":
            self._graph = _GraphClock.of(model)
        else:
            self._python = _PythonClock(epoch_iterator)

    def begin_step(self) -> None:
        """Before a training step."""
        _now.clock = self._graph

    def end_step(self) -> None:
        """After a training step: what is evaluated later is no training."""
        _now.clock = None

    def take(self) -> float | None:
        """Seconds waited since the last call; None where they cannot be measured."""
        clock = self._graph or self._python
        return None if clock is None else clock.take()

    def stop(self) -> None:
        """At the end of the training."""
        self.end_step()
        if self._python is not None:
            self._python.stop()


class _PythonClock:
    """Times the iterators that Keras makes of its data, one an epoch."""

    def __init__(self, epoch_iterator: Any) -> None:
        self._seconds = 0.0
        self._owner = epoch_iterator
        make = epoch_iterator._get_iterator
        # Begun at once, as without the clock: PyTorch's loaders draw a random number when they are begun, also one
        # that Keras drops again without a batch taken.
        epoch_iterator._get_iterator = lambda: self._timed(iter(make()))

    def _timed(self, iterator: Iterator[Any]) -> Iterator[Any]:
        while True:
            begin = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            finally:
                self._seconds += time.perf_counter() - begin
            yield batch

    def take(self) -> float:
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def stop(self) -> None:
        vars(self._owner).pop("_get_iterator", None)


class _Now(threading.local):
    """The clock of the step this thread is in."""

    clock: _GraphClock | None = None


_now = _Now()


class _GraphClock:
    """A variable in which the graph of a model's step adds up the seconds it waits."""

    def __init__(self) -> None:
        tf = import_module("tensorflow")
        with tf.init_scope(), tf.device("cpu:0"):
            self._waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._before = 0.0
        self.found = False

    @classmethod
    def of(cls, model: Any) -> _GraphClock | None:
        """The clock in the graph of a model, also from an earlier `fit`; None where the step has several replicas."""
        tf = import_module("tensorflow")
        if model.distribute_strategy.num_replicas_in_sync > 1:
            return None
        _watch_iterators(tf)
        if model not in _clocks:
            _clocks[model] = cls()
        return _clocks[model]

    def around(self, take: Any) -> Any:
        """What `take` gives, with the seconds it takes added: now, or whenever the graph under way is run."""
        tf = import_module("tensorflow")
        self.found = True
        begin = tf.timestamp()
        with tf.control_dependencies([begin]):
            batch = take()
        parts = tf.nest.flatten(batch, expand_composites=True)
        with tf.control_dependencies([part for part in parts if tf.is_tensor(part)]):
            # The reading has to be made here, not once for both: each is an operation with a state.
            end = tf.timestamp()
        self._waited.assign_add(end - begin)
        return batch

    def take(self) -> float | None:
        if not self.found:
            return None
        total = float(self._waited.numpy())
        seconds, self._before = total - self._before, total
        return seconds


_clocks: WeakKeyDictionary[Any, _GraphClock] = WeakKeyDictionary()


@functools.cache
def _watch_iterators(tf: Any) -> None:
    """Lets the iterators of ``tf.data`` ask for the clock of the step they are in."""
    kind = type(iter(tf.data.Dataset.range(1)))
    for name in ("get_next", "get_next_as_optional"):
        setattr(kind, name, _watched(getattr(kind, name)))


def _watched(method: Any) -> Any:
    def watched(iterator: Any, *arguments: Any, **options: Any) -> Any:
        clock, _now.clock = _now.clock, None  # One method may call the other.
        if clock is None:
            return method(iterator, *arguments, **options)
        try:
            return clock.around(lambda: method(iterator, *arguments, **options))
        finally:
            _now.clock = clock

    watched.__wrapped__ = method  # type: ignore[attr-defined]
    watched.__name__, watched.__doc__ = method.__name__, method.__doc__
    return watched
