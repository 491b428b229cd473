"""Captures the training in somebody else's script: every `fit`, and loops of `train_on_batch`.

`install` waits for the script to import Keras and patches it then. Fits and evaluations are found where Keras makes
their lists of callbacks, copies of the user's, so that neither the user's list nor any traceback shows anything of
this.
"""

from __future__ import annotations

import atexit
import functools
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from traindiag.capture.console import Transcript, copy_streams
from traindiag.capture.device import KERAS, choose_keras
from traindiag.capture.guard import Guard
from traindiag.capture.loops import Loop

CONSOLE = "output.console"
"""Name of the file with what the script printed; readers pass its suffix over, for it may hold several runs."""
Patch = Callable[[ModuleType], None]


class AfterImport(MetaPathFinder):
    """Calls `patch` with a module right after it was imported; whoever only looks for it changes nothing."""

    def __init__(self, name: str, patch: Patch) -> None:
        self.name = name
        self._patch = patch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patching(spec.loader, self._patch)
        return spec


class _Patching(Loader):
    """A loader that takes another one's place until the module is there."""

    def __init__(self, original: Any, patch: Patch) -> None:
        self._original = original
        self._patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._original.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._original
        self._original.exec_module(module)
        self._patch(module)


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
    sys.meta_path[:0] = [AfterImport(name, capture.patch) for name in KERAS]


class Capture:
    """What is captured of one process."""

    def __init__(
        self, out: Path, steps_per_epoch: int | None, signals: Iterable[str], transcript: Transcript
    ) -> None:
        self._out = out
        self._steps_per_epoch = steps_per_epoch
        self._signals = frozenset(signals)
        self._transcript = transcript
        self._guard = Guard(f"capturing to {out}")
        self._fits: Any = None
        self._loops: WeakKeyDictionary[Any, Loop] = WeakKeyDictionary()

    def patch(self, keras: Any) -> None:
        """Changes Keras so that it tells what it trains; what only has its name stays as it is."""
        if not hasattr(keras, "__version__"):
            return
        with self._guard:
            self._patch_lists(keras)
            self._patch_method(keras, "train_on_batch", self._trained)
            self._patch_method(keras, "test_on_batch", self._tested)

    def _patch_lists(self, keras: Any) -> None:
        kind = keras.callbacks.CallbackList
        original = kind.__init__

        @functools.wraps(original)
        def __init__(this: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
            original(this, *arguments, **options)
            with self._guard:
                self._fits_of(keras).listen(this)

        kind.__init__ = __init__

    def _fits_of(self, keras: Any) -> Any:
        """The fits of this process; what records them is made for the Keras that trains first."""
        if self._fits is None:
            choose_keras(keras.__name__)
            from traindiag.capture.fits import Fits

            self._fits = Fits(
                self._out / "fit", self._signals, self._transcript.begin, self._evaluated, self._guard
            )
        return self._fits

    def _patch_method(self, keras: Any, name: str, after: Callable[..., None]) -> None:
        original = getattr(keras.Model, name)

        @functools.wraps(original)
        def method(this: Any, *arguments: Any, **options: Any) -> Any:
            result = original(this, *arguments, **options)
            with self._guard:
                after(keras, this, result, arguments[0] if arguments else options.get("x"))
            return result

        setattr(keras.Model, name, method)

    def _trained(self, keras: Any, model: Any, result: Any, x: Any) -> None:
        loop = self._loops.get(model)
        if loop is None:
            self._fits_of(keras)  # Which settles what Keras is.
            self._transcript.begin()
            loop = Loop(
                self._out / "loop",
                model,
                steps_per_epoch=self._steps_per_epoch,
                running_means=returns_running_means(keras.__version__),
            )
            self._loops[model] = loop
            weakref.finalize(model, self._finish, loop).atexit = False
            if "multiprocessing" in sys.modules:
                from multiprocessing.util import Finalize

                # A process that it forked ends without Python's own handlers at exit.
                Finalize(None, self._finish, (loop,), exitpriority=0)
        loop.trained(result, x)

    def _tested(self, _: Any, model: Any, result: Any, x: Any) -> None:
        loop = self._loops.get(model)
        if loop is not None:
            loop.tested(result, x)

    def _evaluated(self, model: Any, logs: Mapping[str, Any] | None) -> None:
        loop = self._loops.get(model)
        if loop is not None and logs:
            loop.tested(logs, None)

    def finish(self) -> None:
        """Writes what a script that was broken off has left open."""
        for each in [self._fits, *self._loops.values()]:
            if each is not None:
                self._finish(each)
        self._transcript.finish()

    def _finish(self, each: Any) -> None:
        with self._guard:
            each.finish()


def returns_running_means(version: str) -> bool:
    """Whether `train_on_batch` of this Keras returns means since the last reset of the metrics, not of its batch."""
    return (3, 0) <= tuple(int(part) for part in version.split(".")[:2]) < (3, 15)
