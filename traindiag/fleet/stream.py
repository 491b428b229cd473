"""From paths to reports, one after the other: found, handed to workers, named, counted."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from traindiag.fleet.crews import Alone, Crew, Growing, Processes
from traindiag.fleet.work import Judging, Parcel
from traindiag.held import Held
from traindiag.model.errors import UsageError
from traindiag.model.report import RunReport, Unreadable
from traindiag.readers.chosen import chosen
from traindiag.readers.discover import Seen, parcels
from traindiag.readers.naming import Names
from traindiag.readers.urls import is_url, shown_url
from traindiag.readers.walking import Root, Unit, reported

CACHED_UNITS = 20
"""From this many units found together on, also small ones are looked up in the cache."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been done so far; another thread may look at it.

    Attributes:
        found: units of files found.
        done: units judged.
        met: runs met, also those whose name was not wanted.
        runs, ill: runs judged, and those that are ill.
        known: units whose report came from the cache.
    """

    found: int = 0
    done: int = 0
    met: int = 0
    runs: int = 0
    ill: int = 0
    known: int = 0

    def add(self, run: RunReport) -> None:
        """Counts a run."""
        self.runs += 1
        self.ill += run.verdict.status == "ill"


@dataclass(slots=True)
class _Ending:
    """What is settled when all units of one path have come back."""

    root: Root | None
    unreadable: list[Unreadable]


@dataclass(kw_only=True)
class Fleet:
    """All runs below some paths, judged.

    Attributes:
        paths: files, folders, URLs, or ``-``.
        judging: how.
        crew: who does it.
        names, histograms, include, exclude: as for `traindiag.readers.discover.find_runs`.
        wanted: whether a run is told, by its name.
        unreadable: what could not be read, in the order of the paths; complete when all reports have come.
        logged: names of everything logged, where `judging` asks for them.
        tally: what has been done so far.
    """

    paths: Sequence[str | os.PathLike[str]]
    judging: Judging
    crew: Crew = field(default_factory=Alone)
    names: Mapping[str, str] = field(default_factory=dict)
    histograms: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    wanted: Sequence[str] = ()
    unreadable: list[Unreadable] = field(default_factory=list)
    logged: set[tuple[str, str]] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    _endings: deque[_Ending] = field(default_factory=deque)

    def reports(self) -> Iterator[RunReport]:
        """The reports in order, each as soon as it and those before it are done.

        Raises: as `held`.
        """
        return (run.report for run in self.held())

    def held(self) -> Iterator[Held]:
        """The same, with what a gate must know of each run.

        Raises:
            UsageError: no path, or a URL whose file system is not installed.
        """
        if not self.paths:
            raise UsageError("no path given", next_step="name a log file or a folder of logs")
        told = chosen(self.wanted)
        taken, seen = Names(), Seen()
        done = self.crew.judged(self._parcels())
        at_once = True
        try:
            for parcel, units in done:
                for unit in units:
                    seen.looked += unit.looked
                    seen.runs += len(unit.runs)
                    seen.unreadable += len(unit.unreadable)
                    self.unreadable += unit.unreadable
                    self.logged |= unit.names
                    self.tally.done += 1
                    self.tally.known += unit.known
                    for run in unit.runs:
                        assert parcel.root is not None
                        name = taken.unique(run.report.name, parcel.root.name)
                        self.tally.met += 1
                        if self.wanted and not told.file(name):
                            continue
                        self.tally.add(run.report)
                        yield run.called(name)
                if not parcel.units:
                    self._end(seen)
                    seen = Seen()
            at_once = False
        finally:
            self.crew.close(at_once=at_once)

    def _end(self, seen: Seen) -> None:
        """Settle a path whose last unit has come back."""
        ending = self._endings.popleft()
        self.unreadable += ending.unreadable
        if ending.root is not None:
            with reported(self.unreadable, ending.root.shown):
                seen.check(ending.root, len(ending.unreadable))

    def _parcels(self) -> Iterator[Parcel]:
        """Every unit below every path; an empty parcel behind those of each."""
        wanted = chosen(self.include, self.exclude)
        for path in self.paths:
            typed = os.fspath(path)
            ending = _Ending(None, [])
            with reported(ending.unreadable, shown_url(typed) if is_url(typed) else typed):
                root = Root(typed, self.names, histograms=self.histograms, chosen=wanted)
                ending.root = root
                units = self._counted(root.units(ending.unreadable))
                for number, some in enumerate(parcels(units)):
                    cached = number > 1 or len(some) >= CACHED_UNITS
                    yield Parcel(root=root, units=tuple(some), judging=self.judging, cached=cached)
            self._endings.append(ending)
            yield Parcel(root=None, units=(), judging=self.judging)

    def _counted(self, units: Iterable[Unit]) -> Iterator[Unit]:
        for unit in units:
            self.tally.found += 1
            yield unit


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def crew_of(jobs: int | None) -> Crew:
    """Those who do the work.

    Args:
        jobs: how many processes; None takes one a core, and none at all for few runs.

    Raises:
        UsageError: less than one.
    """
    if jobs is None:
        return Growing(cores()) if cores() > 1 else Alone()
    if jobs < 1:
        raise UsageError(f"{jobs} processes cannot work", where="--jobs", next_step="give 1 or more, or auto")
    return Alone() if jobs == 1 else Processes(jobs)
