"""The runs in a unit of files: which files are logs, of which format, and which of them are one run."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Unreadable
from traindiag.model.run import Run
from traindiag.readers.assembling import assembled, beside
from traindiag.readers.base import LogFile, LoggedRun, NotALogError, Reader, all_readers
from traindiag.readers.echoes import without_echoes
from traindiag.readers.folders import above_trainer_logs, home_of
from traindiag.readers.merge import Candidate, merge
from traindiag.readers.naming import titles_of
from traindiag.readers.parsing.text import decode_head
from traindiag.readers.parts import with_parts
from traindiag.readers.recognising import Recogniser
from traindiag.readers.urls import archive_kind
from traindiag.readers.walking import Root, Unit, reported

_Cluster = list[tuple[Reader, Sequence[LogFile]]]
_MOST_HELD = 64 << 20
"""Bytes of beginnings kept from recognising to reading; those of further files are read twice."""
NEXT_STEP = "`traindiag readers` lists the formats, --reader NAME forces one"


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
        facts = beside(root, home, plan.files) if len(merged) == 1 else {}
        for group, title in zip(merged, titles, strict=True):
            runs.append(assembled(group, title, facts))
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
    return file.unreadable(what, NEXT_STEP)


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
