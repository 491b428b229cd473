"""What Keras prints while it trains: progress bars and one-line epochs, saved from a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from traindiag.model.frame import Series
from traindiag.model.names import is_loss, split_and_metric
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.epochs import series_of_columns, stretches_of
from traindiag.readers.parsing.tables import Column
from traindiag.readers.parsing.text import decode, decode_head, strip_ansi

_EPOCH = re.compile(r"\bEpoch:? +(\d{1,9}) */ *(\d{1,9})(?![\d/])")
_PAIR = re.compile(
    r"(?:(?<=- )|(?<=— ))([A-Za-z_][\w/.()@ -]{0,80}?): *([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|nan|inf))(?=\s|$)",
    re.I,
)
_BAR = re.compile(r"(?:^|\s)(\d+)/(\d+|Unknown|None)\s")
_BAR_SIGNS = re.compile(r"\[[=>.\s]*\]|━|\d+/Unknown|ETA:")
_DURATION = re.compile(r"(?:^|\s)\d+(?:s|ms|:\d\d)(?=\s|$)|(?:^|\s)\d+(?:us|ms|s)/(?:step|epoch|sample)")
_PIECE = re.compile(r"[^\r\n\x08]+")


class KerasConsole(Reader):
    """Keras' console text (any version): progress bars, ``verbose=2`` lines and old lines without a bar.

    Recognised by ``Epoch 3/10`` lines and ``- loss: 0.5`` pairs. Terminal leftovers (carriage returns,
    backspaces, colour codes, UTF-16) are understood. Of each epoch the last state of its bar counts; a last
    epoch that never finished is left out. Epochs count from 1 in the text and are shifted to 0. Several
    trainings in one file are several runs, unless the loss goes on where it was.
    """

    name = "keras-console"
    precedence = 50

    def fit(self, file: LogFile) -> Fit:
        text = decode_head(file.head)
        if text is None or "- " not in text:
            return Fit.NO
        if "loss" not in text.lower():
            return Fit.NO
        text = strip_ansi(text)
        pairs = any(is_loss(name) for name, _ in _PAIR.findall(text))
        if not pairs:
            return Fit.NO
        if _EPOCH.search(text):
            return Fit.SURE
        return Fit.CONTENT if _DURATION.search(text) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        data = file.read_bytes()
        text, encoding = decode(data)
        epochs = _Epochs()
        for piece in _PIECE.finditer(strip_ansi(text)):
            epochs.feed(piece[0])
        epochs.end()
        details = {"epochs": "one-based in the text, shifted to 0", **epochs.details}
        if encoding not in ("utf-8", "utf-8-sig"):
            details["encoding"] = encoding
        if not epochs.done:
            raise file.unreadable(
                "progress bars but no finished epoch", "wait until the training has finished an epoch"
            )
        digest = digest_of(data)
        runs = list(_runs(epochs.done))
        return [
            LoggedRun(
                files=(file,),
                series=series,
                label=f"run {number}" if len(runs) > 1 else "",
                digest=digest,
                details={**details, **notes},
            )
            for number, (series, notes) in enumerate(runs, start=1)
        ]


@dataclass(slots=True)
class _Epoch:
    """One epoch as far as it has been printed."""

    number: int
    total: int
    values: dict[str, float] = field(default_factory=dict)
    at: int = -1
    of: int = -1
    ends: int = 0
    closed: bool = False

    @property
    def finished(self) -> bool:
        return self.ends > 0


class _Epochs:
    """Gathers the last state of each epoch's bar from pieces of text in the order printed."""

    def __init__(self) -> None:
        self.done: list[_Epoch] = []
        self.details: dict[str, str] = {}
        self._now: _Epoch | None = None

    def feed(self, piece: str) -> None:
        """One piece of text between line ends, carriage returns or backspaces."""
        header = _EPOCH.search(piece)
        if header is not None:
            self._keep(last=False)
            self._now = _Epoch(number=int(header[1]), total=int(header[2]))
            piece = piece[header.end() :]
        if ": " not in piece and not header:
            return
        pairs = _PAIR.findall(piece)
        if pairs:
            values = {name.strip(): float(value) for name, value in pairs}
            self._update(piece, values, same_line=header is not None)

    def _update(self, piece: str, values: dict[str, float], *, same_line: bool) -> None:
        epoch = self._now
        bar = _BAR.search(piece)
        is_bar = _BAR_SIGNS.search(piece) is not None
        timed = _DURATION.search(piece) is not None
        if epoch is None:
            # Lines of epochs that are not numbered: each line without a bar is one.
            if is_bar or not timed or not any(is_loss(name) for name in values):
                return
            number = self.done[-1].number + 1 if self.done else 1
            self.details["numbering"] = "no epoch numbers in the text, lines counted"
            self.done.append(_Epoch(number=number, total=0, values=values, ends=1, closed=True))
            return
        if epoch.closed or not (is_bar or timed or same_line):
            return
        at = int(bar[1]) if bar else -1
        of = int(bar[2]) if bar and bar[2].isdigit() else -1
        at_end = not is_bar or (at == of and at > 0)
        if epoch.finished and not self._continues(epoch, at_end, of, values):
            epoch.closed = True
            return
        epoch.values = values
        epoch.at, epoch.of = at, of
        epoch.ends += at_end
        # A line without a bar is printed once; a bar is printed for its last batch, then with the validation.
        epoch.closed = at_end and (not is_bar or epoch.ends > 1)

    @staticmethod
    def _continues(epoch: _Epoch, at_end: bool, of: int, values: dict[str, float]) -> bool:
        """Whether a bar after the full bar still belongs to the epoch, not to an evaluation after it."""
        return at_end and of == epoch.of and values.keys() >= epoch.values.keys()

    def end(self) -> None:
        """The text is over."""
        self._keep(last=True)

    def _keep(self, *, last: bool) -> None:
        epoch, self._now = self._now, None
        if epoch is None or not epoch.values:
            return
        if not epoch.finished and (last or epoch.of > 0):
            self.details["unfinished"] = f"epoch {epoch.number - 1} never finished, left out"
            return
        if last and self._lacks_validation(epoch):
            self.details["unfinished"] = f"epoch {epoch.number - 1} ended before its validation, left out"
            return
        self.done.append(epoch)

    def _lacks_validation(self, epoch: _Epoch) -> bool:
        earlier = [each for each in self.done if each.total == epoch.total][-3:]
        validated = [any(name.startswith("val_") for name in each.values) for each in earlier]
        return (
            bool(validated) and all(validated) and not any(name.startswith("val_") for name in epoch.values)
        )


def _runs(epochs: Sequence[_Epoch]) -> Iterator[tuple[tuple[Series, ...], dict[str, str]]]:
    number = np.array([epoch.number - 1 for epoch in epochs], dtype=np.int64)
    columns = _columns(epochs)
    loss = next((column.value for name, column in columns.items() if _is_training_loss(name)), None)
    for stretch in stretches_of(number, loss):
        series = series_of_columns(columns, stretch)
        if series:
            yield series, {"restarts": "; ".join(stretch.notes)} if stretch.notes else {}


def _is_training_loss(name: str) -> bool:
    split, metric = split_and_metric(name)
    return split == "train" and is_loss(metric)


def _columns(epochs: Sequence[_Epoch]) -> dict[str, Column]:
    names = dict.fromkeys(name for epoch in epochs for name in epoch.values)
    columns = {}
    for name in names:
        known = np.array([name in epoch.values for epoch in epochs])
        value = np.array([epoch.values.get(name, np.nan) for epoch in epochs])
        columns[name] = Column(value=value, known=None if known.all() else known)
    return columns
