"""A recorded run written again as a log that grows, epoch by epoch, to try other tools on."""

from __future__ import annotations

import csv
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from traindiag.model.errors import UsageError


class Growing(ABC):
    """A log that grows.

    Args:
        folder: where to write; made when it is not there.
        names: every name that will be logged, in Keras' order.
    """

    file: ClassVar[str]

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = tuple(names)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                (error.strerror or str(error)).lower(),
                where=str(folder),
                next_step="give --to another folder",
            ) from error

    @abstractmethod
    def add(self, epoch: int, logs: Mapping[str, float], wall_time: float | None = None) -> None:
        """Write an epoch and hand it to the system, so that readers see it at once."""

    def close(self) -> None:
        """Let go of the files."""
        return


class GrowingCsv(Growing):
    """As `keras.callbacks.CSVLogger` writes it: ``log.csv``, "NA" where an epoch has no value."""

    file = "log.csv"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(folder, names)
        self._file = (folder / self.file).open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(("epoch", *self.names))
        self._file.flush()

    def add(self, epoch: int, logs: Mapping[str, float], wall_time: float | None = None) -> None:
        self._rows.writerow((epoch, *(repr(logs[name]) if name in logs else "NA" for name in self.names)))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class GrowingHistory(Growing):
    """`History.history` as JSON, ``history.json``, replaced as a whole at each epoch."""

    file = "history.json"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(folder, names)
        self._history: dict[str, list[float | None]] = {"epoch": [], **{name: [] for name in names}}

    def add(self, epoch: int, logs: Mapping[str, float], wall_time: float | None = None) -> None:
        self._history["epoch"].append(epoch)
        for name in self.names:
            self._history[name].append(logs.get(name))
        partial = self.folder / f".{self.file}.partial"
        partial.write_text(json.dumps(self._history), encoding="utf-8")
        os.replace(partial, self.folder / self.file)


class GrowingEvents(Growing):
    """TensorBoard event files in ``train/`` and ``validation/``, tags as Keras' callback names them.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    file = "train"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(folder, names)
        self._writers: dict[str, Any] = {}
        self._writer("train")

    def add(self, epoch: int, logs: Mapping[str, float], wall_time: float | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        for name in self.names:
            if name not in logs:
                continue
            split, metric = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            value = Summary.Value(tag=f"epoch_{metric}", simple_value=logs[name])
            event = Event(step=epoch, summary=Summary(value=[value]))
            if wall_time is not None:
                event.wall_time = wall_time
            self._writer(split).add_event(event)
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _writer(self, split: str) -> Any:
        if split not in self._writers:
            try:
                from tensorboard.summary.writer.event_file_writer import EventFileWriter
            except ImportError as error:
                raise UsageError(
                    "event files are written with TensorBoard, which is not installed",
                    where="--format tensorboard",
                    next_step="pip install 'traindiag[keras]'",
                ) from error
            self._writers[split] = EventFileWriter(str(self.folder / split))
        return self._writers[split]


FORMATS: Mapping[str, type[Growing]] = {
    "csv": GrowingCsv,
    "history": GrowingHistory,
    "tensorboard": GrowingEvents,
}


def growing_log(folder: Path, format: str, names: Sequence[str]) -> Growing:
    """A growing log in one of `FORMATS`.

    Raises:
        UsageError: no such format, the folder cannot be made, or a package is missing.
    """
    if format not in FORMATS:
        raise UsageError(
            f"no replay is written as {format!r}", where="--format", next_step=f"choose {', '.join(FORMATS)}"
        )
    return FORMATS[format](folder, names)
