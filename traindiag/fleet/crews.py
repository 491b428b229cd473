"""Who does the work: this process, or several of them. Parcels go in, their reports come out in the same order.

A process that dies breaks the whole pool of `concurrent.futures`. So the parcels that were in its hands are read
again in a process of their own, first whole, then unit by unit, then file by file, until the one that kills is
found: it is reported, and all others keep their reports.
"""

from __future__ import annotations

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from traindiag.fleet.work import Parcel, UnitReport, judge
from traindiag.model.report import Unreadable
from traindiag.readers.walking import Entry, Unit

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

WINDOW = 3
"""Parcels under way for each worker: enough to keep it busy, few enough to bound what is held."""


DIED = "the process that read it died, perhaps for want of memory; the other runs are not affected"


class Crew(ABC):
    """Workers.

    Attributes:
        deaths: how many workers died and were replaced.
    """

    deaths: int = 0

    @abstractmethod
    def judged(self, parcels: Iterable[Parcel]) -> Iterator[tuple[Parcel, list[UnitReport]]]:
        """The reports of each parcel, in order, as they come."""

    def close(self, *, at_once: bool = False) -> None:
        """End the workers; `at_once` without waiting for what they are at."""
        return


class Alone(Crew):
    """This process does the work itself."""

    def judged(self, parcels: Iterable[Parcel]) -> Iterator[tuple[Parcel, list[UnitReport]]]:
        for parcel in parcels:
            yield parcel, judge(parcel)


class Processes(Crew):
    """Several processes of this machine.

    Args:
        jobs: how many.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.deaths = 0
        self._pool: ProcessPoolExecutor | None = None

    def judged(self, parcels: Iterable[Parcel]) -> Iterator[tuple[Parcel, list[UnitReport]]]:
        window: deque[tuple[Parcel, Future[list[UnitReport]] | None]] = deque()
        try:
            for parcel in parcels:
                window.append((parcel, None if parcel.is_here_only else self._submit(parcel)))
                if len(window) >= WINDOW * self.jobs:
                    yield self._first(window)
            while window:
                yield self._first(window)
        except BaseException:
            self.close(at_once=True)
            raise

    def close(self, *, at_once: bool = False) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=not at_once, cancel_futures=True)
        if at_once:
            for worker in workers:
                with suppress(OSError, ValueError):
                    worker.terminate()

    def _submit(self, parcel: Parcel) -> Future[list[UnitReport]]:
        from concurrent.futures import BrokenExecutor, Future

        if self._pool is None:
            self._pool = _pool(self.jobs)
        try:
            with _undisturbed():
                return self._pool.submit(judge, parcel)
        except BrokenExecutor as error:
            broken: Future[list[UnitReport]] = Future()
            broken.set_exception(error)
            return broken

    def _first(
        self, window: deque[tuple[Parcel, Future[list[UnitReport]] | None]]
    ) -> tuple[Parcel, list[UnitReport]]:
        """The reports of the parcel that is next in turn."""
        from concurrent.futures import BrokenExecutor

        parcel, future = window.popleft()
        if future is None:
            return parcel, judge(parcel)
        try:
            return parcel, future.result()
        except BrokenExecutor:
            self.deaths += 1
            self.close(at_once=True)
            with Careful() as careful:
                reports = careful.judged(parcel)
            self.deaths += careful.deaths
            # What was not finished is lost with the pool.
            again = [(each, old if _kept(old) else self._submit(each)) for each, old in window]
            window.clear()
            window.extend(again)
            return parcel, reports


def _kept(future: Future[list[UnitReport]] | None) -> bool:
    """Whether a parcel's reports are there, or are not the pool's business."""
    return future is None or (future.done() and not future.cancelled() and future.exception() is None)


class Growing(Crew):
    """This process for the first parcels, several for all others: few runs are not worth starting processes.

    Args:
        jobs: how many processes.
        alone: parcels judged before they are started.
    """

    def __init__(self, jobs: int, alone: int = 4) -> None:
        self._alone = alone
        self._processes = Processes(jobs)

    @property
    def deaths(self) -> int:  # type: ignore[override]
        """How many workers died and were replaced."""
        return self._processes.deaths

    def judged(self, parcels: Iterable[Parcel]) -> Iterator[tuple[Parcel, list[UnitReport]]]:
        parcels = iter(parcels)
        yield from Alone().judged(islice(parcels, self._alone))
        yield from self._processes.judged(parcels)

    def close(self, *, at_once: bool = False) -> None:
        self._processes.close(at_once=at_once)


class Careful:
    """One process that reads a suspicious parcel in ever smaller pieces."""

    def __init__(self) -> None:
        self.deaths = 0
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Careful:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def judged(self, parcel: Parcel) -> list[UnitReport]:
        """The reports of a parcel; units that kill their worker are reported as such."""
        whole = self._tried(parcel)
        if whole is not None:
            return whole
        if len(parcel.units) > 1:
            middle = len(parcel.units) // 2
            halves = (parcel.units[:middle], parcel.units[middle:])
            return [report for units in halves for report in self.judged(replace(parcel, units=units))]
        return [self._without_killers(parcel, parcel.units[0])]

    def _without_killers(self, parcel: Parcel, unit: Unit) -> UnitReport:
        """The report of a unit without the files that kill whoever reads them."""
        guilty = tuple(entry for entry in unit.entries if self._tried(_only(parcel, unit, (entry,))) is None)
        innocent = tuple(entry for entry in unit.entries if entry not in guilty)
        rest = self._tried(_only(parcel, unit, innocent)) if guilty and innocent else None
        if rest is None:  # There is nothing else, or only all of it together is too much.
            return lost(parcel, unit, guilty or unit.entries)
        report = lost(parcel, unit, guilty)
        return replace(
            rest[0],
            looked=rest[0].looked + report.looked,
            unreadable=[*rest[0].unreadable, *report.unreadable],
        )

    def _tried(self, parcel: Parcel) -> list[UnitReport] | None:
        """The reports of a parcel; None when the process died over it."""
        from concurrent.futures import BrokenExecutor

        if self._pool is None:
            self._pool = _pool(1)
        try:
            return self._pool.submit(judge, parcel).result()
        except BrokenExecutor:
            self.deaths += 1
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            return None


def _only(parcel: Parcel, unit: Unit, entries: tuple[Entry, ...]) -> Parcel:
    return replace(parcel, units=(replace(unit, entries=entries, filtered=True),))


def lost(parcel: Parcel, unit: Unit, entries: Sequence[Entry]) -> UnitReport:
    """The report of a unit of which some files cannot be read without the process dying."""
    shown = "" if parcel.root is None else parcel.root.shown.rstrip("/")
    unreadable = [
        Unreadable(path=f"{shown}/{entry.below}" if entry.below else shown, message=DIED) for entry in entries
    ]
    return UnitReport(looked=len(unreadable), unreadable=unreadable)


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Processes that begin empty: those forked from a process with threads may lock up."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([f"{__package__}.work"])
        _start_server()
    # The server may have been started long ago: workers get the environment, credentials in it, as it is now.
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(dict(os.environ),))


def _start_server() -> None:
    """Start the process that workers are forked from, deaf to Ctrl-C: so are they, from their first moment on."""
    from multiprocessing import forkserver

    with _sigint(signal.SIG_IGN):
        forkserver.ensure_running()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the body is done: a worker that is just being started would be left behind."""
    came: list[int] = []
    with _sigint(lambda number, frame: came.append(number)):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def _sigint(handler: Any) -> Iterator[None]:
    """Another handler of Ctrl-C; threads beside the main one have none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(environment: dict[str, str]) -> None:
    """A worker has its parent's environment, leaves Ctrl-C to it, and ends when it is gone."""
    import multiprocessing

    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    from multiprocessing import connection

    connection.wait([sentinel])
    os._exit(1)
