"""What Hugging Face's Trainer prints: a dict of values at each logged step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.cells import parse_number
from traindiag.readers.parsing.literals import find_dicts
from traindiag.readers.parsing.records import is_trainer_summary, trainer_series
from traindiag.readers.parsing.text import decode, decode_head, strip_ansi

_STEP = re.compile(r"\{'(?:eval_)?loss': '?-?(?:\d|nan|inf)[^{}\n]*'epoch': '?\d")


class HfConsole(Reader):
    """Hugging Face Trainer's console text: ``{'loss': 2.3, 'learning_rate': 5e-05, 'epoch': 0.1}`` lines.

    Recognised by such a dict with a loss and an epoch. Progress bars and other text around are passed over.
    Steps are not printed: logged lines are counted. The summary at the end goes to the parameters.
    """

    name = "hf-console"
    precedence = 45

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        return Fit.SURE if text is not None and "'epoch'" in text and _STEP.search(text) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        text = strip_ansi(decode(data)[0])
        found = [_numbers(value) for value, whole in find_dicts(text) if whole]
        records = [record for record in found if "epoch" in record and len(record) > 1]
        parts = _trainings(records)
        runs = []
        for part in parts:
            series, details = trainer_series([record for record in part if not is_trainer_summary(record)])
            if series:
                params = {
                    f"summary/{key}": value
                    for record in part
                    if is_trainer_summary(record)
                    for key, value in record.items()
                }
                runs.append((series, {**details, "steps": "not printed, logged lines counted"}, params))
        if not runs:
            raise file.unreadable(
                "no printed dict with a loss and an epoch", "check logging_steps of the training"
            )
        return [
            LoggedRun(
                files=(file,),
                series=series,
                label=f"run {number}" if len(runs) > 1 else "",
                digest=digest_of(data),
                details=details,
                params=params,
            )
            for number, (series, details, params) in enumerate(runs, start=1)
        ]


def _numbers(printed: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a printed dict; newer versions print them as strings."""
    numbers = {
        key: parse_number(value) if isinstance(value, str) else value for key, value in printed.items()
    }
    return {key: value for key, value in numbers.items() if isinstance(value, (int, float))}


def _trainings(records: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Cut after each closing summary: what follows is another training."""
    parts: list[list[dict[str, Any]]] = [[]]
    for record in records:
        parts[-1].append(record)
        if is_trainer_summary(record):
            parts.append([])
    return [part for part in parts if part]
