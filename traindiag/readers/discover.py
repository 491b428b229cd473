"""Finding the runs below paths: which files are logs, of which format, and which of them are one run."""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from traindiag.analysis.effort import CONFIG
from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.names import is_accuracy
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Unreadable
from traindiag.model.run import Run, Source
from traindiag.readers.base import HEAD_BYTES, LogFile, LoggedRun, NotALogError, Reader, all_readers
from traindiag.readers.chosen import chosen
from traindiag.readers.echoes import without_echoes
from traindiag.readers.folders import above_trainer_logs, home_of
from traindiag.readers.merge import Candidate, Merged, files_of, merge
from traindiag.readers.naming import Names, titles_of
from traindiag.readers.parsing.configs import CONFIG_FILES, config_of
from traindiag.readers.parsing.run_facts import MOST_FACT_BYTES, facts_beside, facts_of
from traindiag.readers.parsing.text import decode_head
from traindiag.readers.parts import with_parts
from traindiag.readers.recognising import Recogniser
from traindiag.readers.urls import archive_kind, is_url, shown_url
from traindiag.readers.walking import Root, Unit, reported

_Cluster = list[tuple[Reader, Sequence[LogFile]]]
_MOST_HELD = 64 << 20
"""Bytes of beginnings kept from recognising to reading; those of further files are read twice."""
_NEXT_STEP = "`traindiag readers` lists the formats, --reader NAME forces one"


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


@dataclass(frozen=True, slots=True)
class UnitRuns:
    """What one unit of files holds.

    Attributes:
        unit: the files.
        looked: how many files were looked at.
        runs: with the names they would like to have; two may be called the same.
        unreadable: files that should have been logs.
    """

    unit: Unit
    looked: int
    runs: Sequence[Run]
    unreadable: Sequence[Unreadable]


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
            what = "no training logs below this folder" if self.looked else "no files below this folder"
            raise UnreadableError(what, where=root.shown, next_step=_NEXT_STEP)


def replace_name(run: Run, name: str) -> Run:
    """The run under another name."""
    if run.name == name:
        return run
    return Run(name=name, source=run.source, series=run.series, params=run.params)


def _chosen_readers(name: str | None) -> tuple[Reader, ...]:
    readers = all_readers()
    if name is None:
        return readers
    chosen = tuple(reader for reader in readers if reader.name == name)
    if not chosen:
        known = [reader.name for reader in readers]
        hint = did_you_mean(name, known, f"known readers: {', '.join(known)}")
        raise UsageError(f"unknown reader {name!r}", where="--reader", next_step=hint)
    return chosen


@dataclass(slots=True)
class _Plan:
    """A unit with its files recognised and grouped."""

    unit: Unit
    looked: int
    files: Sequence[LogFile]
    clusters: dict[str, _Cluster]
    unreadable: list[Unreadable]

    def pairs(self) -> list[tuple[Reader, Sequence[LogFile]]]:
        return [pair for home in sorted(self.clusters) for pair in self.clusters[home]]


class Within:
    """Reads the files of units; what it learns about one table holds for others laid out alike.

    Args:
        reader: name of the reader that must read every file; None recognises each by itself.

    Raises:
        UsageError: no reader of that name.
    """

    def __init__(self, reader: str | None = None) -> None:
        self._readers = _chosen_readers(reader)
        self._forced = reader is not None
        self._recogniser = Recogniser(self._readers)

    def read(self, root: Root, units: Sequence[Unit]) -> Iterator[UnitRuns]:
        """What each unit holds, in order."""
        opened = [(unit, self.opened(root, unit)) for unit in units]
        root.prefetch([file for _, files in opened for file in files if isinstance(file, LogFile)])
        return self.read_files(root, opened)

    def opened(self, root: Root, unit: Unit) -> list[LogFile | Unreadable]:
        """The files of a unit, or why one cannot be opened."""
        files: list[LogFile | Unreadable] = []
        for entry in unit.entries:
            failed: list[Unreadable] = []
            with reported(failed, posixpath.join(root.shown, entry.below) if entry.below else root.shown):
                files.append(root.opened(entry))
            files += failed
        return files

    def read_files(
        self, root: Root, opened: Sequence[tuple[Unit, Sequence[LogFile | Unreadable]]]
    ) -> Iterator[UnitRuns]:
        """What the opened files of each unit hold, in order."""
        plans = [self._plan(root, unit, files) for unit, files in opened]
        # Each reader is given all its groups at once: some read many small files together.
        pairs = [pair for plan in plans for pair in plan.pairs()]
        streams = {
            reader: reader.read_many([group for each, group in pairs if each is reader])
            for reader in dict.fromkeys(reader for reader, _ in pairs)
        }
        for plan in plans:
            runs = [run for home in sorted(plan.clusters) for run in _runs_of(root, home, plan, streams)]
            yield UnitRuns(plan.unit, plan.looked, runs, plan.unreadable)

    def _plan(self, root: Root, unit: Unit, files: Sequence[LogFile | Unreadable]) -> _Plan:
        """The files by the reader that knows them, and grouped into clusters."""
        known: dict[Reader, list[LogFile]] = defaultdict(list)
        unreadable: list[Unreadable] = []
        held = 0
        for file in files:
            if isinstance(file, Unreadable):
                unreadable.append(file)
                continue
            with reported(unreadable, file.shown):
                reader = self._reader_of(file, root)
                if reader is not None:
                    known[reader].append(file)
                    held += len(file.head)
                    if held > _MOST_HELD:
                        file.forget()
        clusters = _clusters(root, known, unreadable)
        sound = [file for file in files if isinstance(file, LogFile)]
        return _Plan(unit, len(files), sound, clusters, unreadable)

    def _reader_of(self, file: LogFile, root: Root) -> Reader | None:
        chosen = self._recogniser.reader_of(file)
        if chosen is None and not root.is_folder:
            if not self._forced:
                raise _not_a_log(file)
            return self._readers[0]
        return chosen


_Streams = Mapping[Reader, Iterator[Sequence[LoggedRun] | UnreadableError]]


def _runs_of(root: Root, home: str, plan: _Plan, streams: _Streams) -> list[Run]:
    """The runs of one cluster."""
    runs: list[Run] = []
    with reported(plan.unreadable, posixpath.join(root.shown, home) if home else root.shown):
        candidates = [
            candidate
            for reader, group in plan.clusters[home]
            for candidate in _read_group(
                reader, group, streams[reader], plan.unreadable, in_folder=root.is_folder
            )
        ]
        merged = without_echoes(with_parts(merge(candidates)))
        titles = titles_of(root, home, merged)
        facts = _beside(root, home, plan) if len(merged) == 1 else {}
        for group, title in zip(merged, titles, strict=True):
            runs.append(_as_run(group, title, facts))
    return runs


def _not_a_log(file: LogFile) -> UnreadableError:
    head = file.head
    if not head:
        what = "the file is empty"
    elif not head.strip():
        what = "the file is blank"
    elif (kind := archive_kind(file.name, head)) is not None:
        return file.unreadable(f"a {kind} archive", f"name it {kind}::{file.shown} to have its logs read")
    elif decode_head(head) is None:
        what = "a binary file of no known log format"
    else:
        what = "text without values of metrics in any known form"
    return file.unreadable(what, _NEXT_STEP)


def _clusters(
    root: Root, known: Mapping[Reader, Sequence[LogFile]], unreadable: list[Unreadable]
) -> dict[str, _Cluster]:
    """Groups of files by the folder they belong to: forms of one run are looked for within each."""
    clusters: dict[str, _Cluster] = defaultdict(list)
    for reader in sorted(known, key=lambda each: (each.precedence, each.name)):
        with reported(unreadable, root.shown):
            for group in reader.groups(known[reader]):
                folders = {posixpath.dirname(file.below) for file in group}
                home = posixpath.commonpath(folders) if len(folders) > 1 else folders.pop()
                clusters[home_of(home)].append((reader, group))
    for home in list(clusters):
        above = above_trainer_logs(home)
        if above != home and above in clusters:
            clusters[above] += clusters.pop(home)
    return dict(clusters)


def _read_group(
    reader: Reader,
    group: Sequence[LogFile],
    stream: Iterator[Sequence[LoggedRun] | UnreadableError],
    unreadable: list[Unreadable],
    *,
    in_folder: bool,
) -> list[Candidate]:
    """The runs of the group that is next in its reader's stream."""
    candidates: list[Candidate] = []
    with reported(unreadable, group[0].shown):
        read = next(stream, None)
        if read is None:  # A fault ended the stream at an earlier group.
            read = reader.read(group)
        if isinstance(read, NotALogError) and in_folder:
            return []
        if isinstance(read, UnreadableError):
            raise read
        candidates.extend(
            Candidate(run=run, reader=reader.name, precedence=reader.precedence) for run in read
        )
    return candidates


def _beside(root: Root, home: str, plan: _Plan) -> Mapping[str, Any]:
    """What lies beside the log of the one run of a folder: what a recorder wrote, and a configuration."""
    facts = _facts(root, home, plan)
    for file in plan.files if root.is_folder else ():
        folder, name = posixpath.split(file.below)
        if folder == home and name in CONFIG_FILES and (config := config_of(name, file.head)):
            return {CONFIG: config, **facts}
    return facts


def _facts(root: Root, home: str, plan: _Plan) -> Mapping[str, Any]:
    """What a recorder left beside the one run of a folder; of two runs nobody knows which it means."""
    if root.is_stdin:
        return {}
    below = posixpath.join(home, "run.json")
    beside = next((file for file in plan.files if file.below == below and root.is_folder), None)
    if beside is not None and (root.is_remote or len(beside.head) < HEAD_BYTES):
        return facts_of(beside.read_bytes(MOST_FACT_BYTES))
    if root.is_remote:
        return {}
    return facts_beside(root.path / home if root.is_folder else root.path.parent)


def _as_run(group: Merged, name: str, facts: Mapping[str, Any]) -> Run:
    run = group.logged()
    details = {**run.details, **_percent(run)}
    also = tuple(files_of(group))
    return Run(
        name=name,
        source=Source(
            path=run.files[0].shown if len(run.files) == 1 else _shared_folder(run.files),
            reader=group.main.reader,
            digest=run.digest,
            also=also,
            damage=tuple(run.damage),
            details=MappingProxyType(details),
        ),
        series=tuple(run.series),
        params=MappingProxyType({**facts, **run.params}),
    )


def _percent(run: LoggedRun) -> dict[str, str]:
    """Accuracies that count to 100, by their names."""
    details = {}
    for series in run.series:
        if is_accuracy(series.metric) and bool((series.value > 1.5).any()):
            top = np.nanmax(np.where(np.isfinite(series.value), series.value, 0.0))
            if 1.5 < top <= 100:
                details[f"{series.split}/{series.metric}"] = "in percent"
    return details


def _shared_folder(files: Sequence[LogFile]) -> str:
    """The folder that some files have in common; the two slashes of a URL stay two."""
    folders = [(posixpath.dirname(file.shown) or ".").replace("://", ":\0/") for file in files]
    return posixpath.commonpath(folders).replace(":\0/", "://")
