"""Hugging Face Trainer's ``trainer_state.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.records import Gathered, axis_value, better_by_step
from traindiag.readers.parsing.text import decode, decode_head

_SUMMARY_KEYS = ("train_runtime", "total_flos")
_KEPT_PARAMS = (
    "global_step", "max_steps", "num_train_epochs", "train_batch_size", "eval_steps", "logging_steps", "save_steps",
    "best_metric", "best_global_step",
)  # fmt: skip
_LFS = b"version https://git-lfs"


class HfTrainerState(Reader):
    """Hugging Face Trainer's ``trainer_state.json``.

    Recognised by its ``log_history`` list. Fractional epochs belong to the epoch they lie in; a run of few
    epochs with many logged steps is judged by step. Checkpoint folders whose states are beginnings of the
    same run are one run. The summary that closes a training goes to the parameters.
    """

    name = "hf-trainer-state"
    precedence = 30

    def fit(self, file: LogFile) -> Fit:
        if file.head.startswith(_LFS):
            return Fit.NAME if file.name == "trainer_state.json" else Fit.NO
        text = decode_head(file.head)
        if text is None or not text.lstrip().startswith("{"):
            return Fit.NO
        if '"log_history"' in text:
            return Fit.SURE
        return Fit.NAME if file.name == "trainer_state.json" else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        state = _parse(file, data)
        history = state.get("log_history")
        records = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
        logged = [entry for entry in records if not any(key in entry for key in _SUMMARY_KEYS)]
        series, details = _gather(logged)
        if not series:
            raise file.unreadable("log_history holds no values", "check logging_steps of the training")
        params: dict[str, Any] = {key: state[key] for key in _KEPT_PARAMS if state.get(key) is not None}
        for entry in records:
            if any(key in entry for key in _SUMMARY_KEYS):
                params.update({f"summary/{key}": value for key, value in entry.items()})
        return [
            LoggedRun(files=(file,), series=series, digest=digest_of(data), details=details, params=params)
        ]


def _parse(file: LogFile, data: bytes) -> dict[str, Any]:
    if data.startswith(_LFS):
        raise file.unreadable("a git-lfs pointer, not the file itself", "fetch it with `git lfs pull`")
    try:
        state = json.loads(decode(data)[0])
    except (ValueError, RecursionError):
        raise file.unreadable("broken JSON", "check that the training wrote it to the end") from None
    if not isinstance(state, dict):
        raise file.unreadable("no object with a log_history", "choose another reader")
    return state


def _gather(records: Sequence[Mapping[str, Any]]) -> tuple[list[Any], dict[str, str]]:
    gathered = Gathered()
    epochs: list[float] = []
    training = 0
    for record in records:
        reached = axis_value(record, ("epoch",))
        step = axis_value(record, ("step",))
        training += "loss" in record
        if reached is not None:
            epochs.append(reached)
        gathered.add(
            record,
            epoch=None if reached is None else max(0, math.ceil(reached - 1e-9) - 1),
            step=None if step is None else int(step),
        )
    by_step = better_by_step(epochs, training)
    if by_step:
        details = {"epochs": f"{max(epochs):.3g} epochs in all: judged by step"}
    else:
        details = {"epochs": "fractional in the file: each value belongs to the epoch it lies in, from 0"}
    return gathered.series(by_step=by_step), details
