"""What one worker does: read a parcel of units, judge every run in it, and give back nothing but reports."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from traindiag.diagnosis import choose_rules, diagnose_run
from traindiag.fleet.cache import Cache
from traindiag.fleet.identity import code_version, identity, key_of
from traindiag.held import Held, held
from traindiag.model.errors import UnreadableError
from traindiag.model.report import Unreadable
from traindiag.model.run import Run
from traindiag.readers.base import LogFile
from traindiag.readers.units import UnitRuns, Within
from traindiag.readers.walking import Root, Unit

if TYPE_CHECKING:
    from traindiag.settings import Settings


def _read_only(items: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(items)


# Reports hold read-only mappings, which the standard library does not know how to send to another process.
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How runs are read and judged; the same for every parcel of a call.

    Attributes:
        reader: name of the reader for every file; None recognises each.
        select, ignore: rules asked, as for `traindiag.diagnosis.choose_rules`.
        settings: levels, options and budgets of a configuration file; then `select` and `ignore` stand there.
        curves: whether reports keep their curves, which only drawings need.
        names_seen: whether the names of all that was logged are collected, to check ``--map``.
        cache: the folder of the cache; None reads and judges everything anew.
        code: the version of the code that must do the work; empty where that is certain.
    """

    reader: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    settings: Settings | None = None
    curves: bool = True
    names_seen: bool = False
    cache: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Some units below one root, small enough to be held at once.

    Attributes:
        root: None in a parcel without units.
        units: the files.
        judging: how they are read and judged.
        cached: whether also small units are looked up in the cache: for a handful it is not worth while.
    """

    root: Root | None
    units: tuple[Unit, ...]
    judging: Judging
    cached: bool = False

    @property
    def is_here_only(self) -> bool:
        """Whether only this process can read it."""
        return self.root is None or self.root.is_here_only


@dataclass(slots=True, kw_only=True)
class UnitReport:
    """What is said of one unit.

    Attributes:
        looked: how many files were looked at.
        runs: what was found, under the names the runs would like to have.
        unreadable: files that should have been logs.
        names: of everything logged, where that was asked for.
        known: whether it came from the cache.
    """

    looked: int
    runs: list[Held] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    names: set[tuple[str, str]] = field(default_factory=set)
    known: bool = False


WORTH_BYTES = 1 << 20
"""A unit of this size is looked up in the cache also where it is one of few."""


class OtherVersionError(Exception):
    """A worker on another machine runs other code."""


_within: dict[str | None, Within] = {}


def judge(parcel: Parcel) -> list[UnitReport]:
    """The reports of every unit of a parcel, in order.

    Raises:
        OtherVersionError: this process runs other code than the one that sent the parcel.
    """
    judging, root = parcel.judging, parcel.root
    if root is None:
        return []
    if judging.code and judging.code != code_version():
        raise OtherVersionError
    reading = _within.setdefault(judging.reader, Within(judging.reader))
    opened = [(unit, reading.opened(root, unit)) for unit in parcel.units]
    if judging.cache is not None and root.is_remote:
        _keep_bytes([file for _, files in opened for file in files], judging.cache, root.shown)
    root.prefetch([file for _, files in opened for file in files if isinstance(file, LogFile)])
    store = None if judging.cache is None else _Store(Cache(judging.cache), root, parcel)
    keys = [None if store is None else store.key(unit, files) for unit, files in opened]
    known = [None if store is None or key is None else store.get(key, curves=judging.curves) for key in keys]
    anew = [pair for pair, found in zip(opened, known, strict=True) if found is None]
    fresh = iter([_judged(found, judging) for found in reading.read_files(root, anew)])
    reports = []
    for (unit, files), key, found in zip(opened, keys, known, strict=True):
        report = next(fresh) if found is None else found
        if store is not None and found is None and key is not None:
            _forget(files)
            if store.key(unit, files) == key:  # Nothing has changed while it was read.
                store.put(key, report)
        reports.append(report if judging.curves else _without_curves(report))
    return reports


def _judged(found: UnitRuns, judging: Judging) -> UnitReport:
    names = {(each.split, each.metric) for run in found.runs for each in run.series}
    return UnitReport(
        looked=found.looked,
        runs=_held(found.runs, judging),
        unreadable=list(found.unreadable),
        names=names if judging.names_seen else set(),
    )


def _held(runs: Sequence[Run], judging: Judging) -> list[Held]:
    if judging.settings is not None:
        return [held(run, judging.settings) for run in runs]
    rules = choose_rules(judging.select, judging.ignore)
    return [Held(report=diagnose_run(run, rules)) for run in runs]


def _without_curves(report: UnitReport) -> UnitReport:
    return replace(report, runs=[replace(run, report=replace(run.report, curves=())) for run in report.runs])


def _size_of(files: Sequence[LogFile | Unreadable]) -> int:
    total = 0
    for file in files:
        with suppress(UnreadableError):
            total += file.size if isinstance(file, LogFile) else 0
    return total


def _forget(files: Sequence[LogFile | Unreadable]) -> None:
    for file in files:
        if isinstance(file, LogFile):
            file.forget()


def _keep_bytes(files: Sequence[LogFile | Unreadable], cache: str, shown: str) -> None:
    """Let remote files keep their bytes in the cache."""
    from traindiag.readers.remote import RemoteFile

    for file in files:
        if isinstance(file, RemoteFile):
            file.keeps = _Kept(Cache(cache), shown)


class _Kept:
    """The bytes of remote logs in the cache."""

    def __init__(self, cache: Cache, shown: str) -> None:
        self._cache = cache
        self._shown = shown

    def get(self, where: str) -> bytes | None:
        return self._cache.get_bytes(key_of("bytes", self._shown, where))

    def put(self, where: str, data: bytes) -> None:
        self._cache.put_bytes(key_of("bytes", self._shown, where), data)


class _Store:
    """The cache as a parcel uses it: units in, reports out."""

    def __init__(self, cache: Cache, root: Root, parcel: Parcel) -> None:
        self._cache = cache
        self._root = root
        self._all = parcel.cached
        self._judging = parcel.judging

    @cached_property
    def _always(self) -> list[Any]:
        """What all reports of the call depend on; the code is hashed when it is first needed."""
        root, judging = self._root, self._judging
        return [
            code_version(), root.shown, root.name, root.is_folder, root.histograms, dict(root.names),
            judging.reader, judging.select, judging.ignore, judging.names_seen,
            None if judging.settings is None else repr(judging.settings.of_single_runs()),
        ]  # fmt: skip

    def key(self, unit: Unit, files: Sequence[LogFile | Unreadable]) -> str | None:
        """The name of a unit's report; None where one content of its files cannot be told from another."""
        if unit.filtered:  # What was left out may still be looked at, such as the parameters of a store.
            return None
        if not self._all and _size_of(files) < WORTH_BYTES:
            return None
        identities: list[Any] = []
        for file in files:
            if isinstance(file, Unreadable) or (each := identity(file)) is None:
                return None
            identities.append(each)
        return key_of(self._always, unit.below, identities)

    def get(self, key: str, *, curves: bool) -> UnitReport | None:
        """What is known under a key."""
        document = self._cache.get(key)
        if not isinstance(document, Mapping):
            return None
        try:
            return UnitReport(
                looked=int(document["looked"]),
                runs=[self._held_again(each, curves) for each in document["runs"]],
                unreadable=[Unreadable(path=path, message=text) for path, text in document["unreadable"]],
                names={(split, metric) for split, metric in document["names"]},
                known=True,
            )
        except (KeyError, TypeError, ValueError):
            return None

    def _held_again(self, document: Mapping[str, Any], curves: bool) -> Held:
        from traindiag.fleet.codec import decoded_held

        found = decoded_held(document, curves=curves)
        settings = self._judging.settings
        if settings is None:
            return found
        return replace(found, own=settings.for_run(found.report.name, found.report.source.path))

    def put(self, key: str, report: UnitReport) -> None:
        """Keep what was found out; failures of rules and readers are tried again the next time."""
        if any(run.report.errored for run in report.runs) or report.unreadable:
            return
        from traindiag.fleet.codec import encoded_held, encoded_unreadable

        self._cache.put(
            key,
            {
                "looked": report.looked,
                "runs": [encoded_held(run) for run in report.runs],
                "unreadable": [encoded_unreadable(each) for each in report.unreadable],
                "names": sorted(report.names),
            },
        )
