"""One run on disk, written while it trains. Nothing here knows Keras."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traindiag.capture.event_files import EventFiles, can_write_events
from traindiag.capture.files import Table, last_number, write_whole
from traindiag.capture.guard import Guard

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SCHEMA = "traindiag.run/1"
"""What ``run.json`` says of itself, so that no other file of that name is taken for one."""
AXES = ("epoch", "wall_time")
_SHORT = 100
"""A history of no more epochs than this is written whole at the end of each."""
_SHARE = 0.01
"""A longer one, which grows with every epoch, when the writing takes no more than this part of the time."""


def write_facts(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Writes ``run.json`` and gives what it holds.

    Raises:
        OSError: the folder cannot be written to.
    """
    marked = {"schema": SCHEMA, **facts}
    write_whole(folder / "run.json", json.dumps(marked, indent=1) + "\n")
    return marked


def claim(folder: Path, first_epoch: int = 0) -> Path:
    """The folder for a run that begins at some epoch: `folder`, or ``folder-2``, ``folder-3``, ...

    A run that begins later than epoch 0 continues the latest recording that got as far. Any other takes the first
    folder without a recording, and no other process can take the same one.

    Raises:
        OSError: the folder cannot be made.
    """
    latest = None
    for number in count(1):
        here = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if not (here / "run.json").exists():
            break
        reached = last_number(here / "history.csv", "epoch") if first_epoch else None
        if reached is not None and reached >= first_epoch - 1:
            latest = here
    if latest is not None:
        return latest
    here.mkdir(parents=True, exist_ok=True)
    try:
        (here / "run.json").open("x").close()
    except FileExistsError:
        return claim(folder, first_epoch)  # Another process was quicker.
    return here


class Recording:
    """Writes one run: ``history.csv`` line by line, ``history.json`` and ``run.json`` as a whole, event files.

    A process that is killed loses the epoch it was in, no more: ``history.csv`` and the event files have every epoch
    that ended. ``history.json`` lags where more than 100 epochs follow each other too fast to write all of them
    anew at each end, so that this takes a hundredth of the time at most. Where one of the files cannot be written
    the others go on. A process forked off the one that records writes nothing.

    Args:
        folder: from `claim`.
        facts: what is known at the beginning, JSON values.
        guard: takes the faults of each file.

    Attributes:
        epochs: those recorded, zero-based, those of an earlier fit of the same run first.
        history: one value an epoch by Keras' name, None where it was not logged.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], guard: Guard) -> None:
        self.folder = folder
        # A fit that resumes a run may be given less than the first one: what it does not tell stays known.
        told = {name: value for name, value in facts.items() if value not in ([], {}, None)}
        self.facts = {**_facts_before(folder), **told, "complete": False}
        self.epochs: list[int] = []
        self.history: dict[str, list[float | None]] = {}
        self._guard = guard
        self._table = Table(folder / "history.csv")
        self._events = EventFiles(folder / "tb") if can_write_events() else None
        self._begin = time.monotonic()
        self._seconds_before = float(self.facts.get("seconds") or 0.0)
        self._due = float("-inf")
        self._process = os.getpid()
        with guard:
            self._resume()
        with guard:
            write_facts(folder, self.facts)

    def _resume(self) -> None:
        """Takes over the epochs an earlier fit left in the table."""
        for row in self._table.rows():
            values = {name: float(cell) for name, cell in row.items() if name not in AXES and cell}
            self._remember(int(row["epoch"]), values)

    def add(self, epoch: int, values: Mapping[str, float], wall_time: float | None = None) -> None:
        """Records the end of an epoch.

        Args:
            epoch: zero-based.
            values: by Keras' names.
            wall_time: seconds since 1970; now when not given.
        """
        if os.getpid() != self._process:
            return
        now = time.time() if wall_time is None else wall_time
        with self._guard:
            self._table.append([{"epoch": epoch, **values, "wall_time": round(now, 3)}])
        self._remember(epoch, values)
        if self._events is not None:
            with self._guard:
                self._events.add(epoch, values, now)
        if len(self.epochs) <= _SHORT or time.monotonic() > self._due:
            self._write_whole()

    def add_batches(self, losses: Mapping[int, float], begin: float, end: float) -> None:
        """Records losses within the epoch whose end is recorded next: ``batch_loss`` in the event files.

        Args:
            losses: by the step they were reached at, ascending.
            begin, end: when that epoch's training began and ended, seconds since 1970; the steps lie evenly between.
        """
        if self._events is not None and losses and os.getpid() == self._process:
            first, last = min(losses), max(losses)
            pace = (end - begin) / max(last - first, 1)
            with self._guard:
                self._events.add_points(
                    "batch_loss",
                    [(step, begin + pace * (step - first), loss) for step, loss in losses.items()],
                )

    def add_histograms(self, epoch: int, values: Mapping[str, ArrayLike]) -> None:
        """Records histograms of arrays, by tag, in the event files."""
        if self._events is not None and values and os.getpid() == self._process:
            with self._guard:
                self._events.add_histograms(epoch, values, time.time())

    def know(self, **facts: Any) -> None:
        """Adds what is known only now to ``run.json``."""
        self.facts |= facts
        with self._guard:
            write_facts(self.folder, self.facts)

    def _remember(self, epoch: int, values: Mapping[str, float]) -> None:
        for name in values:
            self.history.setdefault(name, [None] * len(self.epochs))
        self.epochs.append(epoch)
        for name, column in self.history.items():
            column.append(values.get(name))

    def _write_whole(self) -> None:
        begin = time.monotonic()
        seconds = self._seconds_before + time.monotonic() - self._begin
        self.facts |= {"epochs": len(self.epochs), "seconds": round(seconds, 2)}
        with self._guard:
            write_whole(
                self.folder / "history.json",
                json.dumps({"epoch": self.epochs, **self.history}, indent=1) + "\n",
            )
            write_facts(self.folder, self.facts)
        end = time.monotonic()
        self._due = end + (end - begin) / _SHARE

    def close(self, *, complete: bool) -> None:
        """Writes what is left.

        Args:
            complete: whether the training came to its end, rather than being broken off.
        """
        self.facts["complete"] = complete
        self.settle()

    def rest(self, *, complete: bool) -> None:
        """At the end of a fit after which others may go on with this run; `settle` writes what is left."""
        self.facts["complete"] = complete
        if time.monotonic() > self._due:
            self.settle()

    def settle(self) -> None:
        """Writes what is left of a run that was at rest."""
        if os.getpid() == self._process:
            self._write_whole()


def _facts_before(folder: Path) -> dict[str, Any]:
    """The facts an earlier fit of the same run left; none where the file is empty or no longer whole."""
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
