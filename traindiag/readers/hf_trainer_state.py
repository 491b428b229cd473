"""Hugging Face Trainer's ``trainer_state.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.records import is_trainer_summary, trainer_series
from traindiag.readers.parsing.text import decode, decode_head

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
        logged = [entry for entry in records if not is_trainer_summary(entry)]
        series, details = trainer_series(logged)
        if not series:
            raise file.unreadable("log_history holds no values", "check logging_steps of the training")
        params: dict[str, Any] = {key: state[key] for key in _KEPT_PARAMS if state.get(key) is not None}
        for entry in records:
            if is_trainer_summary(entry):
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
