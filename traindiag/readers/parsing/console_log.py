"""Printed lines to records: what each says of the epoch or step that was named last, tables, and what of it counts."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from traindiag.model.names import learning_rate_name, split_and_metric
from traindiag.readers.parsing.cells import parse_number
from traindiag.readers.parsing.console_lines import TOKEN, Kinds
from traindiag.readers.parsing.histories import looks_like_metric
from traindiag.readers.parsing.splits import untold_as_validation
from traindiag.readers.parsing.text import strip_ansi

_PIECE = re.compile(r"[^\r\n\x08]+")
_COLUMN_NAME = re.compile(r"[\w@#/.() -]*[\w)#@]")
_COLUMN_GAP = re.compile(r"\s*\|\s*|\s{2,}|\t")
_RULER = re.compile(r"[-=+|\s:]+")
_AXES = {
    "epoch": "epoch",
    "epochs": "epoch",
    "e": "epoch",
    "step": "step",
    "#": "step",
    "iter": "step",
    "iteration": "step",
}
_FEW_PLACES = 3
_LONGEST = 2_000
"""Lines longer than this are no line of a log."""
_WRAPPED = re.compile(r"\b(?:np\.float\d+|tensor)\(([-+.\de]+)[^()]*(?:\([^()]*\)[^()]*)?\)")
"""What numpy and PyTorch print around a number."""
_NEAR = 20_000
"""Characters at the end among which a line like the last one is looked for."""
_NO_TABLE = re.compile(r"[:=,%\[]")


@dataclass(slots=True)
class _Line:
    """What one line told.

    Attributes:
        names, values: of metrics; the names are shared by lines alike.
        epoch, step: where it stands, None where that is not known.
        rank: how coarse it is: 0 for a batch, 2 where it says that it is of the training set.
    """

    names: tuple[str, ...]
    values: list[float]
    epoch: float | None
    step: int | None
    rank: int


@dataclass(slots=True)
class ConsoleLines:
    """Gathers what lines tell, in the order printed.

    Attributes:
        running: whether running means were printed, of which the last one of an epoch counts.
        cut: whether the last line was left out, since it ends inside a number.
    """

    running: bool = False
    cut: bool = False
    _lines: list[_Line] = field(default_factory=list)
    _epoch: float | None = None
    _step: int | None = None
    _split: str = ""
    _kinds: Kinds = field(default_factory=Kinds)
    _columns: Sequence[str] = ()
    _last_running: tuple[Any, _Line] | None = None

    def feed(self, line: str) -> None:
        """One line, without terminal codes."""
        if len(line) > _LONGEST or self._table_row(line):
            return
        meaning, numbers = self._kinds.read(line, self._split)
        self._split = meaning.split
        if meaning.epoch is not None:
            self._epoch = _number(numbers[meaning.epoch])
        if meaning.step is not None:
            step = _number(numbers[meaning.step])
            self._step = _whole(step)
        if not meaning.values or self._epoch is self._step is None:
            return
        names, values = meaning.names, [_number(numbers[at]) for at in meaning.values.values()]
        for name, at in meaning.totals.items():
            if name in names:
                place = names.index(name)
                values[place] = _share(values[place], _number(numbers[at]))
        if None in values:
            names = tuple(name for name, value in zip(names, values, strict=True) if value is not None)
        known = [value for value in values if value is not None]
        rank = 0 if meaning.batch else 1 + meaning.of_training
        found = _Line(names, known, self._epoch, self._step, rank)
        if meaning.running:
            self._keep_last(found)
        else:
            self._lines.append(found)

    def _keep_last(self, found: _Line) -> None:
        """Of running means the last one of an epoch is the mean of the epoch."""
        self.running = True
        found.rank = 1
        place = found.epoch, None if found.epoch is not None else found.step, self._split
        if self._last_running is not None and self._last_running[0] == place:
            last = self._last_running[1]
            merged = dict(zip((*last.names, *found.names), (*last.values, *found.values), strict=True))
            last.names, last.values = tuple(merged), list(merged.values())
        else:
            self._lines.append(found)
            self._last_running = place, found

    def _table_row(self, line: str) -> bool:
        """Whether the line is the header, the ruler or a row of a table; rows are taken."""
        if not self._columns and _NO_TABLE.search(line):
            return False
        bare = line.strip().strip("|").strip()
        cells = _COLUMN_GAP.split(bare)
        if len(cells) == 1:
            cells = bare.split()
        if len(cells) > 1 and cells[0].lower() in _AXES:
            names = [cell for cell in cells if looks_like_metric(split_and_metric(cell)[1])]
            if names and all(_COLUMN_NAME.fullmatch(cell) and parse_number(cell) is None for cell in cells):
                self._columns = cells
                return True
        if len(cells) != len(self._columns) or not self._columns:
            return bool(self._columns) and _RULER.fullmatch(bare) is not None
        if parse_number(cells[0]) is None:
            return False
        axes: dict[str, float] = {}
        values: dict[str, float] = {}
        untold = untold_as_validation(self._columns)
        for name, cell in zip(self._columns, cells, strict=True):
            number = parse_number(cell)
            if number is not None and name.lower() in _AXES:
                axes[_AXES[name.lower()]] = number
            elif number is not None and looks_like_metric(split_and_metric(name)[1]):
                values[untold.get(name, name)] = number
        whole = _whole(axes.get("step"))
        self._lines.append(_Line(tuple(values), list(values.values()), axes.get("epoch"), whole, 1))
        return True

    def records(self) -> Iterator[dict[str, Any]]:
        """The lines as `runs_of_records` takes them; values of batches are called so where epochs have their own."""
        coarsest, (summary, repeated) = self._coarsest(), self._by_place()
        for number, line in enumerate(self._lines):
            record: dict[str, Any] = {}
            if line.epoch is not None:
                record["epoch"] = line.epoch
            if line.step is not None:
                record["step"] = line.step
            elif not line.rank or not repeated.isdisjoint(line.names):
                record["step"] = number
            for name, value in zip(line.names, line.values, strict=True):
                if name not in summary:
                    finer = line.rank < coarsest.get(split_and_metric(name), 0)
                    record[f"{name}_step" if finer else name] = value
            yield record

    def _coarsest(self) -> dict[tuple[str, str], int]:
        counts = Counter((split_and_metric(name), line.rank) for line in self._lines for name in line.names)
        coarsest: dict[tuple[str, str], int] = {}
        for (key, rank), count in counts.items():
            # A single line is a summary, not what the others are batches of.
            if count > 1 and not learning_rate_name(key[1]):
                coarsest[key] = max(rank, coarsest.get(key, 0))
        return coarsest

    def _by_place(self) -> tuple[set[str], set[str]]:
        """Names that stand at the last position only, and names that stand several times at most positions.

        The former are printed when a training of some epochs is over. The latter are values of parts of an epoch,
        whatever the line says: of batches, or of the processes of one training.
        """
        counts: dict[str, Counter[tuple[float | None, int | None]]] = defaultdict(Counter)
        for line in self._lines:
            for name in line.names:
                counts[name][line.epoch, line.step] += 1
        repeated = {
            name
            for name, places in counts.items()
            if 2 * sum(count > 1 for count in places.values()) > len(places)
        }
        if len(set().union(*counts.values())) < _FEW_PLACES:
            return set(), repeated
        last = self._lines[-1].epoch, self._lines[-1].step
        return {name for name, places in counts.items() if set(places) == {last}}, repeated


def console_lines(text: str) -> ConsoleLines:
    """What the lines of a text tell."""
    lines = ConsoleLines()
    text = strip_ansi(text)
    if "(" in text:
        text = _WRAPPED.sub(r"\1", text)
    *before, last = _PIECE.findall(text[-_NEAR:]) or [""]
    if not text.endswith(("\n", "\r")) and _is_cut(last, before):
        lines.cut = True
        text = text[: -len(last)]
    for piece in _PIECE.finditer(text):
        lines.feed(piece[0])
    return lines


def _is_cut(last: str, before: Sequence[str]) -> bool:
    """Whether the last line, which has no end, ends in a number shorter than in the line of its kind before it."""
    ends = TOKEN.findall(last)[-1:]
    if not ends or not last.endswith(ends[0]):
        return False
    kind = TOKEN.sub("", last)
    alike = next((line for line in reversed(before) if TOKEN.sub("", line) == kind), None)
    return alike is not None and len(TOKEN.findall(alike)[-1]) > len(ends[0])


def _number(token: str) -> float | None:
    """The number; None where it is none after all: ``1.2.3``."""
    try:
        return float(token)
    except ValueError:
        return None


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _whole(number: float | None) -> int | None:
    return int(number) if number is not None and math.isfinite(number) else None
