"""Pickled `History.history` dicts, decoded without unpickling."""

from __future__ import annotations

import re
from collections.abc import Sequence

from traindiag.readers.base import Fit, LogFile, LoggedRun, NotALogError, Reader, digest_of
from traindiag.readers.parsing.histories import find_histories, series_of_history
from traindiag.readers.parsing.pickles import MAX_BYTES, RefusedError, is_harmless, load_numbers

_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_OLD_STARTS = (b"(dp", b"}q", b"(lp", b"ccollections\n", b"cos\n", b"c__builtin__\n")
_NAME = re.compile(r"hist|metric|loss|train.*log|log", re.I)
_METRIC_WORDS = (b"loss", b"acc", b"auc", b"mae", b"mse", b"lr", b"learning_rate")


class HistoryPickle(Reader):
    """Pickled History dicts, whatever the file is called.

    Recognised by the first bytes of a pickle and the name of a metric among those that follow. Only
    containers, strings, numbers and numpy scalars and arrays are taken; a pickle that names anything else
    is refused and nothing in it is ever imported or called.
    """

    name = "history-pickle"
    precedence = 40

    def fit(self, file: LogFile) -> Fit:
        head = file.head
        if not head.startswith((*_PROTOCOLS, *_OLD_STARTS)):
            return Fit.NO
        if any(word in head for word in _METRIC_WORDS):
            if is_harmless(head):
                return Fit.CONTENT
            if b"loss" in head:
                # A loss beside a class of its own: reading refuses it by name, which is better than silence.
                return Fit.NAME
        return Fit.NAME if _NAME.search(file.name) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes(MAX_BYTES)
        try:
            value = load_numbers(data)
        except RefusedError as refused:
            raise file.unreadable(
                f"refused to unpickle {refused}", "save history.history as JSON or as a plain dict of lists"
            ) from None
        found = find_histories(value)
        if not found:
            raise NotALogError(
                "a pickle without lists of metric values",
                where=file.shown,
                next_step="pickle history.history",
            )
        runs = []
        for history in found:
            series, details = series_of_history(history)
            runs.append(
                LoggedRun(
                    files=(file,),
                    series=series,
                    label=history.path if len(found) > 1 else "",
                    digest=digest_of(data),
                    details=details,
                )
            )
        return runs
