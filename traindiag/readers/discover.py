"""Finding the runs below paths, one after the other, in the order of their names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.report import Unreadable
from traindiag.model.run import Run
from traindiag.readers.assembling import replace_name
from traindiag.readers.chosen import EVERYTHING, chosen
from traindiag.readers.naming import Names
from traindiag.readers.units import NEXT_STEP, UnitRuns, Within
from traindiag.readers.urls import is_url, shown_url
from traindiag.readers.walking import Root, Unit, reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies below some paths.

    Attributes:
        runs: in the order of the paths and, below each, of their names.
        unreadable: files that should have been logs but could not be read.
    """

    runs: tuple[Run, ...]
    unreadable: tuple[Unreadable, ...]


def find_runs(
    paths: Sequence[str | os.PathLike[str]],
    *,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
    histograms: bool = False,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> Found:
    """All runs below some files and folders.

    Args:
        paths: files, folders, URLs, or ``-`` for standard input.
        reader: name of the reader that must read every file; None recognises each by itself.
        names: what columns and keys of tables mean, by their name in the file: ``{"trn": "loss"}``.
        histograms: whether those in event files are reduced to statistics; else they are passed over.
        include, exclude: patterns of files and folders below the paths, see `traindiag.readers.chosen.Chosen`.

    Raises:
        UsageError: no path, no reader of that name, or a URL whose file system is not installed.
    """
    unreadable: list[Unreadable] = []
    runs = tuple(
        iter_runs(
            paths,
            unreadable,
            reader=reader,
            names=names,
            histograms=histograms,
            include=include,
            exclude=exclude,
        )
    )
    return Found(runs=runs, unreadable=tuple(unreadable))


def iter_runs(
    paths: Sequence[str | os.PathLike[str]],
    unreadable: list[Unreadable],
    *,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
    histograms: bool = False,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> Iterator[Run]:
    """Runs as they are found and read; files that cannot be read are appended to `unreadable` on the way.

    Only one parcel of them is held at a time. Args: as `find_runs`.
    """
    if not paths:
        raise UsageError("no path given", next_step="name a log file or a folder of logs")
    within = Within(reader)
    taken = Names()
    wanted = chosen(include, exclude)
    for path in paths:
        shown = os.fspath(path)
        with reported(unreadable, shown_url(shown) if is_url(shown) else shown):
            root = Root(shown, names or {}, histograms=histograms, chosen=wanted)
            seen, before = Seen(), len(unreadable)
            for parcel in parcels(root.units(unreadable)):
                for found in within.read(root, parcel):
                    seen.add(found)
                    unreadable += found.unreadable
                    yield from (replace_name(run, taken.unique(run.name, root.name)) for run in found.runs)
            seen.check(root, len(unreadable) - before)


PARCEL_UNITS = 64
PARCEL_FILES = 256


def parcels(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Units a few at a time, the first ones early: small files are quicker read together."""
    parcel: list[Unit] = []
    files, most = 0, 1
    for unit in units:
        parcel.append(unit)
        files += len(unit.entries)
        if files >= PARCEL_FILES or len(parcel) >= most:
            yield parcel
            parcel, files, most = [], 0, PARCEL_UNITS
    if parcel:
        yield parcel


@dataclass(slots=True)
class Seen:
    """What was met below one root: a folder without any log is an error, one of bad logs has its own."""

    looked: int = 0
    runs: int = 0
    unreadable: int = 0

    def add(self, found: UnitRuns) -> None:
        """Counts one unit."""
        self.looked += found.looked
        self.runs += len(found.runs)
        self.unreadable += len(found.unreadable)

    def check(self, root: Root, also_unreadable: int = 0) -> None:
        """Raises UnreadableError when there was nothing below the folder."""
        if root.is_folder and not self.runs and not self.unreadable and not also_unreadable:
            if self.looked:
                what, next_step = "no training logs below this folder", NEXT_STEP
            elif root.chosen == EVERYTHING:
                what, next_step = "no files below this folder", "name the folder of the logs"
            else:
                what, next_step = "no file below this folder is among the chosen ones", "check the patterns"
            raise UnreadableError(what, where=root.shown, next_step=next_step)
