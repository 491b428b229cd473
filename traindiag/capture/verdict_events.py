"""Verdicts where people already look: text that TensorBoard shows beside the curves it is about."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from traindiag.model.errors import UsageError
from traindiag.model.report import Report, RunReport
from traindiag.plots.save import file_names
from traindiag.readers.tensorboard import VERDICT_TAG
from traindiag.reports.markdown import verdict_markdown

FOLDER = "traindiag"
_SPLITS = frozenset(("train", "validation", "val", "test", "eval"))
_LARGEST = 1 << 20


def write_verdicts(report: Report) -> list[Path]:
    """Write each run's verdict as a text summary into an event file in a folder ``traindiag`` beside its logs.

    A folder of its own keeps the run's own event files as they are, and traindiag passes it over when it reads
    the run again. A verdict that has changed is added as a further step, so that TensorBoard shows both; one that
    is there already is not written again.

    Returns:
        the folders, one a run, in the order of the report.

    Raises:
        UsageError: TensorBoard is not installed, or a folder cannot be written.
    """
    if find_spec("tensorboard") is None:
        raise UsageError("TensorBoard is not installed", next_step="pip install 'traindiag[keras]'")
    folders = []
    for run, folder in _folders(report):
        try:
            _write(folder, verdict_markdown(run))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                reason, where=str(folder), next_step="name logs in a folder that can be written"
            ) from error
        folders.append(folder)
    return folders


def _folders(report: Report) -> Iterator[tuple[RunReport, Path]]:
    """Where each run's verdict goes; runs that share a folder get one each below it."""
    homes = [_home(run) / FOLDER for run in report.runs]
    shared = Counter(homes)
    names = file_names(run.name for run in report.runs)
    for run, home, name in zip(report.runs, homes, names, strict=True):
        yield run, home / name if shared[home] > 1 else home


def _home(run: RunReport) -> Path:
    """The folder of a run's logs; the one above where that holds a single split."""
    path = Path(run.source.path)
    if not path.exists():
        raise UsageError(
            "this run is in no folder, so there is none to write its verdict to",
            where=run.source.path,
            next_step="name its log file or folder",
        )
    folder = path if path.is_dir() else path.parent
    return folder.parent if folder.name.lower() in _SPLITS else folder


def _write(folder: Path, text: str) -> None:
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    earlier = sorted(folder.glob("events.out.tfevents.*"))
    if earlier and _holds(earlier[-1], text):
        return
    now = time.time()
    # Not EventFileWriter: it puts the host's name into the file's, and writes over what is there.
    with (folder / f"events.out.tfevents.{now:.6f}.verdict.{len(earlier)}.v2").open("xb") as file:
        writer = RecordWriter(file)
        for event in (
            event_pb2.Event(wall_time=now, file_version="brain.Event:2"),
            event_pb2.Event(wall_time=now, step=len(earlier), summary=_text_summary(text)),
        ):
            writer.write(event.SerializeToString())
        writer.flush()


def _text_summary(text: str) -> Any:
    """As TensorBoard's own `text_pb` makes it, which would load all of TensorFlow."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    kind = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"))
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(),
        string_val=[text.encode()],
    )
    value = summary_pb2.Summary.Value(tag=VERDICT_TAG, metadata=kind, tensor=tensor)
    return summary_pb2.Summary(value=[value])


def _holds(path: Path, text: str) -> bool:
    return path.stat().st_size <= _LARGEST and text.encode() in path.read_bytes()
