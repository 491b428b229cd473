"""Captures the training in somebody else's script: every `fit`, and loops of `train_on_batch`.

`install` waits for the script to import Keras and patches it then. A `fit` is found where Keras makes its list of
callbacks, a copy of the user's, so that neither the user's list nor any traceback shows anything of this.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from traindiag.capture.console import Transcript, copy_streams
from traindiag.capture.guard import Guard
from traindiag.capture.loops import Loop

CONSOLE = "output.console"
"""Name of the file with what the script printed; readers pass its suffix over, for it may hold several runs."""
Patch = Callable[[ModuleType], None]


class AfterImport(MetaPathFinder):
    """Calls `patch` with a module right after it was first imported, then is gone."""

    def __init__(self, name: str, patch: Patch) -> None:
        self.name = name
        self._patch = patch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        loader: Any = None if spec is None else spec.loader
        if loader is not None and hasattr(loader, "exec_module"):
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module  # Only this instance was changed: the class's own shows again.
                execute(module)
                self._patch(module)

            loader.exec_module = exec_module
        return spec


def install(out: Path, steps_per_epoch: int | None = None, signals: Iterable[str] = ()) -> None:
    """Captures whatever is trained in this process from now on, and what is printed beside it.

    Args:
        out: the runs go to folders below: ``fit``, ``fit-2``, ..., ``loop``, ...; the text to `CONSOLE`.
        steps_per_epoch: of loops of `train_on_batch`; None to find epochs by evaluations.
        signals: as for `Recorder`.
    """
    transcript = Transcript(out / CONSOLE)
    copy_streams(transcript.add)
    capture = Capture(out, steps_per_epoch, signals, transcript)
    atexit.register(capture.finish)
    sys.meta_path.insert(0, AfterImport("keras", capture.patch))


class Capture:
    """What is captured of one process."""

    def __init__(
        self, out: Path, steps_per_epoch: int | None, signals: Iterable[str], transcript: Transcript
    ) -> None:
        self._out = out
        self._steps_per_epoch = steps_per_epoch
        self._signals = frozenset(signals)
        self._transcript = transcript
        self._lock = threading.Lock()
        self._guard = Guard(f"capturing to {out}")
        self._recorders: list[Any] = []
        self._loops: dict[int, Loop] = {}
        self._running_means = False

    def patch(self, keras: Any) -> None:
        """Changes Keras so that it tells what it trains; a Keras that is built otherwise stays as it is."""
        with self._guard:
            # Until 3.14 train_on_batch returned means since the last reset of the metrics.
            version = tuple(int(part) for part in keras.__version__.split(".")[:2])
            self._running_means = version < (3, 15)
            self._patch_lists(keras.callbacks.CallbackList)
            model = keras.Model
            self._patch_method(model, "train_on_batch", self._trained)
            self._patch_method(model, "test_on_batch", self._tested)
            self._patch_method(model, "evaluate", self._evaluated)

    def _patch_lists(self, kind: Any) -> None:
        original = kind.__init__

        @functools.wraps(original)
        def __init__(this: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
            original(this, *arguments, **options)
            with self._guard:
                # Only `fit` asks for a History.
                if options.get("add_history") and options.get("model") is not None:
                    self._join(this)

        kind.__init__ = __init__

    def _join(self, callbacks: Any) -> None:
        """Adds a recorder to the list of a fit."""
        from traindiag.capture.recorder import Recorder

        self._transcript.begin()
        recorder = Recorder(self._out / "fit", signals=self._signals)
        recorder.set_params(callbacks.params)
        recorder.set_model(callbacks.model)
        callbacks.callbacks.append(recorder)
        with self._lock:
            # A script may call fit thousands of times: those that are over need no finishing.
            self._recorders = [each for each in self._recorders if not each.is_over]
            self._recorders.append(recorder)

    def _patch_method(self, model: Any, name: str, after: Callable[..., None]) -> None:
        original = getattr(model, name)

        @functools.wraps(original)
        def method(this: Any, *arguments: Any, **options: Any) -> Any:
            result = original(this, *arguments, **options)
            with self._guard:
                after(this, result, arguments, options)
            return result

        setattr(model, name, method)

    def _trained(
        self, model: Any, result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> None:
        loop = self._loops.get(id(model))
        if loop is None or loop.model is not model:
            self._transcript.begin()
            loop = Loop(
                self._out / "loop",
                model,
                steps_per_epoch=self._steps_per_epoch,
                running_means=self._running_means,
            )
            self._loops[id(model)] = loop
        loop.trained(result, arguments[0] if arguments else options.get("x"))

    def _tested(
        self, model: Any, result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> None:
        loop = self._loops.get(id(model))
        if loop is not None and loop.model is model:
            loop.tested(result, arguments[0] if arguments else options.get("x"))

    def _evaluated(
        self, model: Any, result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> None:
        # `fit` evaluates too, on a data set it keeps.
        loop = self._loops.get(id(model))
        if loop is not None and loop.model is model and not options.get("_use_cached_eval_dataset"):
            loop.tested(result, None)

    def finish(self) -> None:
        """Writes what a script that was broken off has left open."""
        for each in [*self._recorders, *self._loops.values()]:
            with self._guard:
                each.finish()
        self._transcript.finish()
