"""The fits in a script: found where Keras makes its lists of callbacks, recorded one recorder a model.

Needs Keras when it is imported.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.guard import Guard, tell
from traindiag.capture.recorder import Logs, Recorder

_Callback: Any = import_keras().callbacks.Callback
Tested = Callable[[Any, Logs], None]
"""Told of an evaluation outside of a fit: the model, and what came of it by name."""


class Fits:
    """Records the fits of all models in a process.

    Args:
        folder: of the first run; see `Recorder`.
        signals: as for `Recorder`.
        begun: called when a fit begins.
        tested: called when an evaluation ends that is no part of a fit.
        guard: takes the faults of finding fits.
    """

    def __init__(
        self, folder: Path, signals: Iterable[str], begun: Callable[[], None], tested: Tested, guard: Guard
    ) -> None:
        self._folder = folder
        self._signals = frozenset(signals)
        if self._signals and not hasattr(import_keras(), "ops"):
            tell("warning: signals need Keras 3; they are left out")
            self._signals = frozenset()
        self._begun = begun
        self.tested = tested
        self.guard = guard
        self._lock = threading.Lock()
        self._recorders: weakref.WeakKeyDictionary[Any, _OneModel] = weakref.WeakKeyDictionary()
        self._under_way: dict[_OneModel, weakref.ref[Any]] = {}

    def listen(self, callbacks: Any) -> None:
        """Joins a list of callbacks, whoever made it."""
        listener = _Listener(self, callbacks)
        callbacks.callbacks.append(listener)
        listener.set_params(getattr(callbacks, "params", None))
        listener.set_model(getattr(callbacks, "model", None))

    def begin(self, callbacks: Any, model: Any, params: Any) -> None:
        """Lets a recorder join the list of a fit that begins."""
        self._begun()
        with self._lock:
            self._let_go_of_what_broke_off()
            recorder = self._recorders.get(model)
            if recorder is None:
                recorder = _OneModel(self._folder, signals=self._signals)
                self._recorders[model] = recorder
            self._under_way[recorder] = weakref.ref(callbacks)
        recorder.over = self._over
        recorder.set_params(params)
        recorder.set_model(model)
        if recorder not in callbacks.callbacks:
            callbacks.callbacks.append(recorder)
        if hasattr(callbacks, "_should_call_train_batch_hooks"):
            # Keras 2 asked its callbacks before this one joined.
            callbacks._should_call_train_batch_hooks = True

    def _let_go_of_what_broke_off(self) -> None:
        for recorder, callbacks in list(self._under_way.items()):
            if callbacks() is None:
                recorder.finish()
                del self._under_way[recorder]
                recorder.set_model(None)

    def _over(self, recorder: _OneModel) -> None:
        with self._lock:
            self._under_way.pop(recorder, None)
        recorder.set_model(None)

    def finish(self) -> None:
        """At the end of the script: writes what a fit that was broken off has left open."""
        for recorder in list(self._under_way):
            recorder.finish()


class _OneModel(Recorder):
    """Holds its model only while it is fitted: what the script has done with must be free to go."""

    over: Callable[[_OneModel], None]

    def on_train_end(self, logs: Logs = None) -> None:
        super().on_train_end(logs)
        self.over(self)


class _Listener(_Callback):  # type: ignore[misc]
    """Tells `Fits` when a fit begins and when an evaluation ends."""

    async_safe = True

    def __init__(self, fits: Fits, callbacks: Any) -> None:
        super().__init__()
        self._fits = fits
        self._callbacks = weakref.ref(callbacks)
        self._trains = False

    def set_model(self, model: Any) -> None:
        # Not `self.model`: on JAX asking for that costs a transfer.
        self._its_model = model

    def on_train_begin(self, logs: Logs = None) -> None:
        self._trains = True
        with self._fits.guard:
            if self._its_model is not None:
                # Behind this one in the list that is gone through now, so that its own beginning comes next.
                self._fits.begin(self._callbacks(), self._its_model, self.params)

    def on_train_end(self, logs: Logs = None) -> None:
        self._trains = False

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._trains:
            with self._fits.guard:
                self._fits.tested(self._its_model, logs)
