"""Following the logs below a path: what is there now, read again only where something changed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from traindiag.model.errors import TraindiagError, UsageError
from traindiag.model.report import Unreadable
from traindiag.model.run import Run, Source
from traindiag.readers.base import LogFile, Reader, all_readers
from traindiag.readers.discover import find_runs
from traindiag.readers.recognising import Recogniser
from traindiag.replay.tail import Tail, can_tail, joined

SMALL = 1 << 20
"""Logs of fewer bytes in all are read again as a whole: exactly what `analyze` would read."""

_Mark = tuple[int, int, int]


class Follower:
    """The runs below one path, as they grow.

    Args:
        path: a file or folder; it may appear later.
        reader: name of the reader for every file; None recognises each.
        small: logs of more bytes are read piece by piece.
    """

    def __init__(self, path: str, reader: str | None = None, small: int = SMALL) -> None:
        self.path = path
        self.reader = reader
        self.small = small
        self.unreadable: tuple[Unreadable, ...] = ()
        self._marks: dict[str, _Mark] = {}
        self._tails: dict[str, list[Tail]] | None = None

    def look(self) -> tuple[Run, ...] | None:
        """The runs, or None when nothing changed since the last look.

        Raises:
            UsageError: there is no reader of that name.
        """
        marks = dict(_marks(Path(self.path)))
        if marks == self._marks:
            return None
        shrunk = any(marks.get(name, (0, 0, 0))[0] < mark[0] for name, mark in self._marks.items())
        appeared = marks.keys() != self._marks.keys()
        self._marks = marks
        if not marks:
            return ()
        if sum(size for size, _, _ in marks.values()) <= self.small:
            self._tails = None
            return self._whole()
        if self._tails is None or shrunk or appeared:
            self._tails = self._find_tails(self._tails or {})
        return self._pieces() if self._tails else self._whole()

    def _whole(self) -> tuple[Run, ...]:
        found = find_runs([self.path], reader=self.reader)
        self.unreadable = found.unreadable
        return found.runs

    def _find_tails(self, known: dict[str, list[Tail]]) -> dict[str, list[Tail]]:
        """The files of each run, of the form that wins where there are several; none if a format cannot be followed."""
        readers = [each for each in all_readers() if self.reader in (None, each.name)]
        if not readers:
            raise UsageError(f"unknown reader {self.reader!r}", next_step="`traindiag readers` lists them")
        recogniser = Recogniser(tuple(readers))
        files: dict[Reader, list[LogFile]] = defaultdict(list)
        for name in sorted(self._marks):
            try:
                file = LogFile(Path(name), name)
                reader = recogniser.reader_of(file)
            except TraindiagError:
                continue
            if reader is not None and file.head:
                file.forget()
                files[reader].append(file)
        if not files:
            return {}
        best = min(files, key=lambda each: (not can_tail(each), each.precedence, each.name))
        if not can_tail(best):
            return {}
        old = {str(tail.path): tail for tails in known.values() for tail in tails}
        runs: dict[str, list[Tail]] = {}
        for group in best.groups(files[best]):
            paths = [str(file.path) for file in group]
            home = paths[0] if len(paths) == 1 else os.path.commonpath(paths)
            runs[home] = [old.get(str(file.path)) or Tail(file.path, file.shown, best) for file in group]
        return runs

    def _pieces(self) -> tuple[Run, ...]:
        assert self._tails is not None
        runs, unreadable = [], []
        for home, tails in self._tails.items():
            try:
                for tail in tails:
                    tail.advance()
            except TraindiagError as error:
                unreadable.append(Unreadable(path=home, message=str(error)))
                continue
            series = joined(tails)
            if series:
                params = {name: value for tail in tails for name, value in tail.params.items()}
                details = {name: value for tail in tails for name, value in tail.details.items()}
                source = Source(path=home, reader=tails[0].reader.name, details=details)
                runs.append(Run(name=self._name(home), source=source, series=series, params=params))
        self.unreadable = tuple(unreadable)
        return tuple(runs)

    def _name(self, home: str) -> str:
        below = os.path.relpath(home, self.path)
        return os.path.basename(os.path.abspath(home)) if below == "." else below


def _marks(path: Path) -> Iterator[tuple[str, _Mark]]:
    """Every file at or below a path with its size, inode and time of change."""
    try:
        if not path.is_dir():
            yield str(path), _mark(path.stat())
            return
    except OSError:
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith("."):
                continue
            try:
                yield os.path.join(folder, name), _mark(os.stat(os.path.join(folder, name)))
            except OSError:
                continue


def _mark(status: os.stat_result) -> _Mark:
    return status.st_size, status.st_ino, status.st_mtime_ns
