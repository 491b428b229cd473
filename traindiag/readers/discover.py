"""Finding the runs below paths: which files are logs, of which format, and which of them are one run."""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.names import is_accuracy
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Unreadable
from traindiag.model.run import Run, Source
from traindiag.readers.base import LogFile, LoggedRun, NotALogError, Reader, all_readers
from traindiag.readers.merge import Candidate, Merged, files_of, merge
from traindiag.readers.naming import Names, home_of, titles_of
from traindiag.readers.parsing.run_facts import facts_beside
from traindiag.readers.parsing.text import decode_head
from traindiag.readers.recognising import Recogniser
from traindiag.readers.walking import Root, reported

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
) -> Found:
    """All runs below some files and folders.

    Args:
        paths: files, folders, or ``-`` for standard input.
        reader: name of the reader that must read every file; None recognises each by itself.
        names: what columns and keys of tables mean, by their name in the file: ``{"trn": "loss"}``.
        histograms: whether those in event files are reduced to statistics; else they are passed over.

    Raises:
        UsageError: no path, or no reader of that name.
    """
    unreadable: list[Unreadable] = []
    runs = tuple(iter_runs(paths, unreadable, reader=reader, names=names, histograms=histograms))
    return Found(runs=runs, unreadable=tuple(unreadable))


def iter_runs(
    paths: Sequence[str | os.PathLike[str]],
    unreadable: list[Unreadable],
    *,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
    histograms: bool = False,
) -> Iterator[Run]:
    """Runs as they are read; files that cannot be read are appended to `unreadable` on the way.

    Args: as `find_runs`.
    """
    if not paths:
        raise UsageError("no path given", next_step="name a log file or a folder of logs")
    readers = _chosen_readers(reader)
    titles = Names()
    for path in paths:
        root = Root(os.fspath(path), names or {}, histograms=histograms)
        with reported(unreadable, root.shown):
            yield from _runs_below(
                root, readers, forced=reader is not None, names=titles, unreadable=unreadable
            )


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


def _runs_below(
    root: Root,
    readers: tuple[Reader, ...],
    *,
    forced: bool,
    names: Names,
    unreadable: list[Unreadable],
) -> Iterator[Run]:
    errors = len(unreadable)
    known, count = _recognised(root, readers, forced, unreadable)
    clusters = _clusters(root, known, unreadable)
    in_order = [pair for home in sorted(clusters) for pair in clusters[home]]
    # Each reader is given all its groups at once: some read many small files together.
    streams = {
        reader: reader.read_many([group for each, group in in_order if each is reader]) for reader in known
    }
    anything = False
    for home in sorted(clusters):
        runs: list[Run] = []
        with reported(unreadable, posixpath.join(root.shown, home) if home else root.shown):
            candidates = [
                candidate
                for reader, group in clusters[home]
                for candidate in _read_group(
                    reader, group, streams[reader], unreadable, in_folder=root.is_folder
                )
            ]
            merged = merge(candidates)
            titles = titles_of(root, home, merged)
            facts = _facts(root, home) if len(merged) == 1 else {}
            for group, title in zip(merged, titles, strict=True):
                runs.append(_as_run(group, names.unique(title, root.name), facts))
        anything = anything or bool(runs)
        yield from runs
    if root.is_folder and not anything and len(unreadable) == errors:
        what = "no training logs below this folder" if count else "no files below this folder"
        raise UnreadableError(what, where=root.shown, next_step=_NEXT_STEP)


def _recognised(
    root: Root, readers: tuple[Reader, ...], forced: bool, unreadable: list[Unreadable]
) -> tuple[dict[Reader, list[LogFile]], int]:
    """The files below a root by the reader that knows them, and how many were looked at."""
    known: dict[Reader, list[LogFile]] = defaultdict(list)
    recogniser = Recogniser(readers)
    count = held = 0
    for file in root.files(unreadable):
        count += 1
        with reported(unreadable, file.shown):
            chosen = recogniser.reader_of(file)
            if chosen is None and not root.is_folder:
                if not forced:
                    raise _not_a_log(file)
                chosen = readers[0]
            if chosen is not None:
                known[chosen].append(file)
                held += len(file.head)
                if held > _MOST_HELD:
                    file.forget()
    return known, count


def _not_a_log(file: LogFile) -> UnreadableError:
    head = file.head
    if not head:
        what = "the file is empty"
    elif not head.strip():
        what = "the file is blank"
    elif decode_head(head) is None:
        what = "a binary file of no known log format"
    else:
        what = "text without values of metrics in any known form"
    return file.unreadable(what, _NEXT_STEP)


_Cluster = list[tuple[Reader, Sequence[LogFile]]]


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


def _facts(root: Root, home: str) -> Mapping[str, Any]:
    """What a recorder left beside the one run of a folder; of two runs nobody knows which it means."""
    if root.is_stdin:
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
    return posixpath.commonpath([posixpath.dirname(file.shown) or "." for file in files])
