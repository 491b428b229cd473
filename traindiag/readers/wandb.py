"""Weights & Biases run files: ``run-<id>.wandb``, the transaction log every (offline) run leaves."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, NotALogError, Reader, digest_of
from traindiag.readers.eventfiles.protowire import BYTES, WireError, fields, signed
from traindiag.readers.parsing.records import EPOCH_KEYS, Gathered, axis_value, seconds

_MAGIC = b":W&B"
_SUMMARY = "wandb-summary.json"
_BLOCK = 32_768
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# Field numbers of wandb_internal.proto.
_RECORD_HISTORY, _RECORD_SUMMARY, _RECORD_CONFIG, _RECORD_RUN = 2, 3, 5, 17
_HISTORY_ITEM, _HISTORY_STEP = 1, 2
_UPDATE = 1
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16
_RUN_CONFIG, _RUN_NAME = 4, 6
_MOST_PARAMS = 500


class Wandb(Reader):
    """Weights & Biases transaction logs (``*.wandb``), as offline runs keep them.

    Recognised by their first four bytes. The history is read record by record with checksums; damaged blocks
    are passed over and counted. ``_step`` is W&B's own count of log calls. Configuration goes to the
    parameters.
    """

    name = "wandb"
    precedence = 15

    def fit(self, file: LogFile) -> Fit:
        return Fit.SURE if file.head.startswith(_MAGIC) or _is_summary(file) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        if _is_summary(file):
            raise NotALogError(
                "W&B's summary: only the last value of each metric",
                where=file.shown,
                next_step="the history is in the .wandb file of the run's folder: name that, or the folder",
            )
        data = file.read_bytes()
        log = _Log()
        for record in _records(data, log):
            try:
                log.take(record)
            except (WireError, ValueError, RecursionError):
                log.lost += 1
        series = log.gathered.series()
        if not series:
            raise file.unreadable("a W&B run that logged no values", "check that the run got past its start")
        damage = (
            Damage(
                path=file.shown, place=f"byte {log.first_bad}", what="bad checksum or record", records=log.lost,
                size=log.bytes_lost,
            ),
        )  # fmt: skip
        return [
            LoggedRun(
                files=(file,),
                series=series,
                digest=digest_of(data),
                damage=damage if log.lost or log.bytes_lost else (),
                details={"epochs": "as logged" if log.has_epochs else "none in the history: judged by step"},
                params=log.params,
            )
        ]


def _is_summary(file: LogFile) -> bool:
    return file.name == _SUMMARY and file.head.lstrip().startswith(b"{")


@dataclass(slots=True)
class _Log:
    """What the records of one file add up to."""

    gathered: Gathered = field(default_factory=lambda: Gathered(ignored=("_runtime",)))
    params: dict[str, Any] = field(default_factory=dict)
    has_epochs: bool = False
    lost: int = 0
    bytes_lost: int = 0
    first_bad: int = 0

    def take(self, record: bytes) -> None:
        """One protobuf ``Record``."""
        for number, wire, _, begin, end in fields(record, 0, len(record)):
            if wire != BYTES:
                continue
            if number == _RECORD_HISTORY:
                self._history(record, begin, end)
            elif number == _RECORD_CONFIG:
                self._config(record, begin, end)
            elif number == _RECORD_RUN:
                self._run(record, begin, end)

    def _history(self, data: bytes, begin: int, end: int) -> None:
        row: dict[str, Any] = {}
        step: int | None = None
        for number, _, _, start, stop in fields(data, begin, end):
            if number == _HISTORY_ITEM:
                key, value = _item(data, start, stop)
                row[key] = value
            elif number == _HISTORY_STEP:
                step = next((signed(f.varint) for f in fields(data, start, stop) if f.number == 1), 0)
        logged = axis_value(row, ("_step",))
        epoch = axis_value(row, EPOCH_KEYS)
        self.has_epochs = self.has_epochs or epoch is not None
        self.gathered.add(
            {key: value for key, value in row.items() if not key.endswith("/step")},
            epoch=None if epoch is None else int(epoch),
            step=step if logged is None else int(logged),
            wall_time=seconds(axis_value(row, ("_timestamp",))),
        )

    def _config(self, data: bytes, begin: int, end: int) -> None:
        for number, _, _, start, stop in fields(data, begin, end):
            if number == _UPDATE and len(self.params) < _MOST_PARAMS:
                key, value = _item(data, start, stop)
                if key and not key.startswith("_wandb"):
                    self.params[key] = value

    def _run(self, data: bytes, begin: int, end: int) -> None:
        for number, wire, _, start, stop in fields(data, begin, end):
            if number == _RUN_CONFIG and wire == BYTES:
                self._config(data, start, stop)
            elif number == _RUN_NAME and wire == BYTES:
                self.params["run_name"] = data[start:stop].decode("utf-8", errors="replace")


def _item(data: bytes, begin: int, end: int) -> tuple[str, Any]:
    """A key and its JSON value; nested keys joined by a dot, as W&B shows them."""
    key, nested, value = "", [], None
    for number, _, _, start, stop in fields(data, begin, end):
        text = data[start:stop].decode("utf-8", errors="replace")
        if number == _KEY:
            key = text
        elif number == _NESTED_KEY:
            nested.append(text)
        elif number == _VALUE_JSON:
            value = json.loads(text)
    return key or ".".join(nested), value


def _records(data: bytes, log: _Log) -> Iterator[bytes]:
    """Records of a LevelDB log: chunks with checksums, in blocks of 32 KiB, after W&B's own 7 bytes."""
    at = 7
    parts: list[bytes] = []
    while at + _HEADER.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER.size:
            at += left
            continue
        checksum, size, kind = _HEADER.unpack_from(data, at)
        body = data[at + _HEADER.size : at + _HEADER.size + size]
        if kind == 0 and size == 0:
            at += left
            continue
        whole = len(body) == size and size <= left - _HEADER.size and kind in (_FULL, _FIRST, _MIDDLE, _LAST)
        if not whole or checksum != zlib.crc32(body, zlib.crc32(bytes([kind]))):
            # Nothing in a block can be trusted after a bad length: go on with the next block.
            log.lost += 1
            log.first_bad = log.first_bad or at
            log.bytes_lost += min(left, len(data) - at)
            parts.clear()
            at += left
            continue
        at += _HEADER.size + size
        if kind in (_FULL, _FIRST):
            parts.clear()
        parts.append(body)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts.clear()
