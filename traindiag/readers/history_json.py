"""JSON files that hold `History.history`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from traindiag.readers.base import Fit, LogFile, LoggedRun, NotALogError, Reader, digest_of
from traindiag.readers.parsing.histories import find_histories, series_of_history
from traindiag.readers.parsing.text import decode, decode_head

_START = re.compile(r"\s*(?:\[\s*)*\{")
_METRIC_KEY = re.compile(
    r'"(?:[^"\\\n]*(?:loss|acc|accuracy|auc|mae|mse|f1|precision|recall)[^"\\\n]*)"\s*:', re.I
)
_LIST_OF_NUMBERS = re.compile(
    r':\s*(?:\[\s*(?:null|NaN|-?Infinity|-?\d|\]|\{\s*")|\{\s*"\d+"\s*:)|"epoch[_ ]?\d+"\s*:\s*\{\s*"',
    re.I,
)
_LINES = re.compile(r"\}\s*\n\s*\{")
"""One object after the other, without a comma: JSON lines, whatever stands in one of them."""
_NAME = re.compile(r"hist(ory)?|metrics|loss", re.I)


class HistoryJson(Reader):
    """Keras' History as JSON: a dict of lists, a list of one dict an epoch, or either inside other dicts.

    Recognised by JSON whose keys are names of metrics and whose values are lists of numbers. ``NaN`` and
    ``Infinity`` are data; ``null`` is a value that was not logged. Dicts keyed by split are one run, so what
    XGBoost, LightGBM and CatBoost return of their evaluation sets, too.
    """

    name = "history-json"
    precedence = 30

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        if text is None:
            return Fit.NO
        if not text.strip():
            fits = file.path.suffix.lower() == ".json" and _NAME.search(file.path.stem) is not None
            return Fit.NAME if fits else Fit.NO
        if not _START.match(text) or _LINES.search(text):
            return Fit.NO
        if '"log_history"' in text or not _METRIC_KEY.search(text):
            return Fit.NO
        return Fit.CONTENT if _LIST_OF_NUMBERS.search(text) or text.lstrip().startswith("[") else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        found = find_histories(_parse(file, decode(data)[0]))
        if not found:
            raise NotALogError(
                "JSON without lists of metric values",
                where=file.shown,
                next_step="save history.history: json.dump(history.history, file)",
            )
        runs = []
        for history in found:
            series, details = series_of_history(history)
            label = history.path if len(found) > 1 else ""
            runs.append(
                LoggedRun(files=(file,), series=series, label=label, digest=digest_of(data), details=details)
            )
        return runs


def _parse(file: LogFile, text: str) -> Any:
    if not text.strip():
        raise file.unreadable("the file is empty", "check that the training wrote it to the end")
    try:
        return json.loads(text)
    except RecursionError:
        raise file.unreadable("nested too deeply for a log", "save history.history alone") from None
    except ValueError as error:
        reason = str(error).split(":")[0].lower()
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise file.unreadable(
            f"broken JSON{place} ({reason})", "check that the training wrote it to the end"
        ) from None
