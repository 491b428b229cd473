"""Text files that hold `str(history.history)`, alone or among other lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, NotALogError, Reader, digest_of
from traindiag.readers.parsing.histories import find_histories, looks_like_metric, series_of_history
from traindiag.readers.parsing.literals import find_dicts
from traindiag.readers.parsing.text import decode, decode_head, strip_ansi

_PRINTED_LIST = re.compile(
    r"""'([^'\n]{1,120})'\s*:\s*(?:\[\s*(?:[-+]?\.?\d|nan|-?inf|None|[\w.]*(?:float|array|int)\w*\()|array\()"""
)


class HistoryText(Reader):
    """Keras' History as Python prints it: ``{'loss': [0.9, 0.5], 'val_loss': [...]}``.

    Recognised by a quoted name of a metric followed by a list of numbers; other text around it is passed
    over. numpy's ways of printing (``np.float64(0.1)``, ``array([...], dtype=float32)``), bare ``nan`` and
    ``inf`` are understood. Nothing is evaluated.
    """

    name = "history-text"
    precedence = 40

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        if text is None or "'" not in text:
            return Fit.NO
        if not any(looks_like_metric(name) for name in _PRINTED_LIST.findall(text)):
            return Fit.NO
        return Fit.SURE if text.lstrip().startswith(("{", "defaultdict(", "OrderedDict(")) else Fit.CONTENT

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        text, encoding = decode(data)
        found = [
            (history, whole)
            for value, whole in find_dicts(strip_ansi(text))
            for history in find_histories(value)
        ]
        if not found:
            raise NotALogError(
                "no dict of metric values in it", where=file.shown, next_step="save history.history as JSON"
            )
        runs = []
        for number, (history, whole) in enumerate(found, start=1):
            series, details = series_of_history(history)
            if encoding not in ("utf-8", "utf-8-sig"):
                details["encoding"] = encoding
            runs.append(
                LoggedRun(
                    files=(file,),
                    series=series,
                    label=f"run {number}" if len(found) > 1 else "",
                    digest=digest_of(data),
                    damage=() if whole else (_cut(file, len(data)),),
                    details=details,
                )
            )
        return runs


def _cut(file: LogFile, size: int) -> Damage:
    return Damage(path=file.shown, place=f"byte {size}", what="the dict is cut off", records=1, size=0)
