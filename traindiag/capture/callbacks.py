"""Records one run in every form that Keras users keep: History, CSV, event files and console text."""

from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from traindiag.capture.device import import_keras
from traindiag.capture.event_files import EventFiles
from traindiag.capture.facts import learning_rate_of

EVENT_FILE = re.compile(r"^(?P<head>events\.out\.tfevents\.\d+)\..+$")
OnEpoch = Callable[[int], None]


class EveryForm:
    """Writes the logs of one run below a folder.

    Call `callbacks()` once for each `fit` of the run and pass the result on, inside `console()`; call
    `finish()` when the run is over. A second `fit` continues the files, as a resumed training does. One that counts
    its epochs from zero again has a History of its own, as in Keras: the one before is lost.

    Args:
        folder: where the files go; it must exist.
        on_epoch: called with the number of finished epochs after each one.
        update_freq: as in `keras.callbacks.TensorBoard`: "epoch", "batch" or a number of batches.
    """

    def __init__(
        self, folder: Path, *, on_epoch: OnEpoch | None = None, update_freq: str | int = "epoch"
    ) -> None:
        self.folder = folder
        self._on_epoch = on_epoch
        self._update_freq = update_freq
        self._fits = 0
        self._history: Any = None

    @property
    def history(self) -> dict[str, list[float]]:
        """`History.history` of all fits so far, values as plain floats."""
        recorded = {} if self._history is None else self._history.history
        return {name: [float(value) for value in values] for name, values in recorded.items()}

    def callbacks(self, first_epoch: int = 0) -> list[Any]:
        """The callbacks that record the next `fit`, which begins at some epoch."""
        callbacks = import_keras().callbacks
        if self._history is None or first_epoch == 0:
            self._history = callbacks.History()
        again, self._fits = self._fits > 0, self._fits + 1
        return [
            learning_rate_logger(),
            callbacks.CSVLogger(str(self.folder / "log.csv"), append=again),
            self._event_writer(),
            self._history,
            callbacks.LambdaCallback(on_epoch_end=self._count),
        ]

    def _event_writer(self) -> Any:
        """Keras' own TensorBoard callback where TensorFlow is installed, which it needs; else one that does without."""
        callbacks, folder = import_keras().callbacks, self.folder / "tb"
        if find_spec("tensorflow") is not None:
            return callbacks.TensorBoard(
                str(folder), write_graph=True, histogram_freq=0, update_freq=self._update_freq
            )
        files = EventFiles(folder)
        return callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: files.add(epoch, dict(logs or {}), time.time())
        )

    def _count(self, epoch: int, logs: dict[str, Any] | None) -> None:
        if self._on_epoch is not None:
            self._on_epoch(epoch + 1)

    @contextmanager
    def console(self) -> Iterator[None]:
        """What Keras prints inside goes to ``console.txt``, unchanged."""
        utils = import_keras().config
        was_interactive = utils.is_interactive_logging_enabled()
        with (self.folder / "console.txt").open("a", encoding="utf-8", newline="") as file:
            utils.enable_interactive_logging()
            try:
                with redirect_stdout(file):
                    yield
            finally:
                if not was_interactive:
                    utils.disable_interactive_logging()

    def finish(self) -> None:
        """Writes ``history.json``, ``.txt`` and ``.pkl`` and takes the host's name off the event files."""
        history = self.history
        (self.folder / "history.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        (self.folder / "history.txt").write_text(str(history) + "\n", encoding="utf-8")
        (self.folder / "history.pkl").write_bytes(pickle.dumps(history, protocol=4))
        for split in ("train", "validation"):
            neutralise_event_files(self.folder / "tb" / split)


def learning_rate_logger() -> Any:
    """A callback that adds ``learning_rate`` to the epoch's logs, for every callback after it to record."""
    keras = import_keras()
    base: Any = keras.callbacks.Callback

    class LearningRateLogger(base):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            if logs is not None:
                logs.setdefault("learning_rate", learning_rate_of(self.model))

    return LearningRateLogger()


def neutralise_event_files(folder: Path) -> None:
    """Renames event files, whose names hold host and process: ``events.out.tfevents.<time>.host.<n>.v2``."""
    for index, path in enumerate(sorted(folder.glob("events.out.tfevents.*"))):
        named = EVENT_FILE.match(path.name)
        if named is not None:
            path.rename(path.with_name(f"{named['head']}.host.{index}.v2"))
