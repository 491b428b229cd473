"""Event files by TensorBoard's own record writer, without TensorFlow."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traindiag.capture.files import append_whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FOLDER_OF = {"train": "train", "val": "validation"}
"""Keras' names for the splits' folders."""
_BUCKETS = 30
"""What TensorBoard's own histogram summary takes."""


def can_write_events() -> bool:
    """Whether TensorBoard is installed."""
    return find_spec("tensorboard") is not None


class EventFiles:
    """Scalars of one run as Keras' TensorBoard callback names them: ``epoch_loss`` by epoch, a folder a split.

    The files are closed between epochs and their names hold neither the host nor the process.

    Args:
        folder: holds ``train`` and ``validation``; made with the first value.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[str, Path] = {}

    def add(self, epoch: int, values: Mapping[str, float], wall_time: float) -> None:
        """Writes one epoch.

        Args:
            epoch: zero-based.
            values: by Keras' names, ``val_`` in front for validation.
            wall_time: seconds since 1970.

        Raises:
            OSError: a file cannot be written.
        """
        for split, prefix in (("train", ""), ("val", "val_")):
            mine = {
                name.removeprefix(prefix): value
                for name, value in values.items()
                if name.startswith("val_") == bool(prefix)
            }
            if mine:
                self._write_scalars(split, epoch, mine, wall_time)

    def add_points(self, tag: str, points: Iterable[tuple[int, float, float]]) -> None:
        """Writes one tag of the training split on the axis of steps, as (step, wall time, value).

        Raises:
            OSError: a file cannot be written.
        """
        from tensorboard.compat.proto import event_pb2, summary_pb2

        self._write(
            "train",
            (
                event_pb2.Event(
                    wall_time=wall_time,
                    step=step,
                    summary=summary_pb2.Summary(
                        value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)]
                    ),
                )
                for step, wall_time, value in points
            ),
        )

    def add_histograms(self, epoch: int, values: Mapping[str, ArrayLike], wall_time: float) -> None:
        """Writes the histograms of some arrays, by tag, as TensorBoard's second plugin version has them.

        Raises:
            OSError: a file cannot be written.
        """
        import numpy as np
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        kept: list[Any] = []
        for tag, array in values.items():
            finite = np.asarray(array, dtype=np.float64)
            finite = finite[np.isfinite(finite)]
            if finite.size:
                kept.extend(histogram_pb(tag, finite, buckets=_BUCKETS).value)
        self._write(
            "train",
            [event_pb2.Event(wall_time=wall_time, step=epoch, summary=summary_pb2.Summary(value=kept))],
        )

    def _write_scalars(self, split: str, epoch: int, values: Mapping[str, float], wall_time: float) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2

        scalars = [
            summary_pb2.Summary.Value(tag=f"epoch_{name}", simple_value=value)
            for name, value in values.items()
        ]
        event = event_pb2.Event(wall_time=wall_time, step=epoch, summary=summary_pb2.Summary(value=scalars))
        self._write(split, [event])

    def _write(self, split: str, events: Iterable[Any]) -> None:
        if split not in self._paths:
            self._paths[split] = _begun(self.folder / FOLDER_OF[split])
        append_whole(self._paths[split], _records(events))


def _records(events: Iterable[Any]) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = io.BytesIO()
    writer = RecordWriter(data)
    for event in events:
        writer.write(event.SerializeToString())
    return data.getvalue()


def _begun(folder: Path) -> Path:
    """A new event file with the record every one begins with."""
    from tensorboard.compat.proto import event_pb2

    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    number = sum(1 for _ in folder.glob("events.out.tfevents.*"))
    path = folder / f"events.out.tfevents.{now:.0f}.host.{number}.v2"
    append_whole(path, _records([event_pb2.Event(wall_time=now, file_version="brain.Event:2")]))
    return path
