"""Finding the runs below paths: which files are logs, of which format, and which of them are one run."""

from __future__ import annotations

import os
import posixpath
import re
import stat
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from traindiag.model.errors import TraindiagError, UnreadableError, UsageError
from traindiag.model.names import is_accuracy
from traindiag.model.nearest import did_you_mean
from traindiag.model.report import Unreadable
from traindiag.model.run import Run, Source
from traindiag.readers.base import Fit, LogFile, LoggedRun, NotALogError, Reader, all_readers
from traindiag.readers.merge import Candidate, Merged, files_of, merge
from traindiag.readers.parsing.text import decode_head

STDIN = "-"
_STDIN_LIMIT = 1 << 30
_MOST_HELD = 64 << 20
"""Bytes of beginnings kept from recognising to reading; those of further files are read twice."""
_NEXT_STEP = "`traindiag readers` lists the formats, --reader NAME forces one"
_SPLIT_FOLDERS = frozenset(("train", "training", "validation", "val", "valid", "eval", "test"))
_PLAIN_FOLDERS = _SPLIT_FOLDERS | frozenset(
    (
        "tb", "tensorboard", "tensorboard_logs", "tb_logs", "tblogs", "tfevents", "events", "board", "log", "logs",
        "log_dir", "logdir", "csv", "history", "histories", "json", "console", "results", "result_dir", "output",
        "outputs", "metrics", "files",
    )
)  # fmt: skip
"""Folder names that say what kind of file lies in them, not which run it is."""
_CHECKPOINT = re.compile(r"(checkpoint|ckpt)[-_]?\d+")
_NO_LOGS = frozenset(
    f".{suffix}"
    for suffix in (
        "png jpg jpeg gif bmp tif tiff webp svg ico pdf eps wav mp3 flac ogg mp4 avi mov mkv "
        "h5 hdf5 keras weights pt pth ckpt safetensors onnx tflite pb bin "
        "npy npz mat parquet feather arrow tfrecord tfrecords data-00000-of-00001 "
        "zip gz bz2 xz zst 7z tar tgz whl so dll exe o a pyc class db sqlite doc docx xls xlsx ppt pptx "
        "py ipynb c cc cpp h hpp cu js ts css html htm java go rs rb r jl sh md rst tex"
    ).split()
)
"""Suffixes passed over below a folder; a file the user names is always looked into."""
_LOG_SUFFIXES = frozenset(
    ".csv .tsv .txt .log .json .jsonl .ndjson .pkl .pickle .p .out .err .dat .hist .wandb .v2".split()
)
"""Suffixes that are no part of a run's name; that of ``lr.0.1`` is."""
_MOST_UNPACKED = 256 << 20
"""A ``.gz`` that unpacks to more is refused: a few kilobytes can unpack to gigabytes."""
_IGNORED_FOLDERS = frozenset(("__pycache__", "node_modules", "site-packages"))


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
) -> Found:
    """All runs below some files and folders.

    Args:
        paths: files, folders, or ``-`` for standard input.
        reader: name of the reader that must read every file; None recognises each by itself.
        names: what columns and keys of tables mean, by their name in the file: ``{"trn": "loss"}``.

    Raises:
        UsageError: no path, or no reader of that name.
    """
    unreadable: list[Unreadable] = []
    runs = tuple(iter_runs(paths, unreadable, reader=reader, names=names))
    return Found(runs=runs, unreadable=tuple(unreadable))


def iter_runs(
    paths: Sequence[str | os.PathLike[str]],
    unreadable: list[Unreadable],
    *,
    reader: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Iterator[Run]:
    """Runs as they are read; files that cannot be read are appended to `unreadable` on the way.

    Args: as `find_runs`.
    """
    if not paths:
        raise UsageError("no path given", next_step="name a log file or a folder of logs")
    readers = _chosen_readers(reader)
    titles = _Names()
    for path in paths:
        root = _Root(os.fspath(path), names or {})
        with _reported(unreadable, root.shown):
            files = list(root.files(unreadable))
            yield from _runs_below(
                root, files, readers, forced=reader is not None, names=titles, unreadable=unreadable
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


@contextmanager
def _reported(unreadable: list[Unreadable], shown: str) -> Iterator[None]:
    """Turns whatever goes wrong with one file into an entry of the list."""
    try:
        yield
    except UnreadableError as error:
        where = error.where or shown
        text = f"{error.what}; {error.next_step}" if error.next_step else error.what
        unreadable.append(Unreadable(path=where, message=text))
    except TraindiagError:
        raise
    except RecursionError:
        unreadable.append(Unreadable(path=shown, message="nested too deeply for a log"))
    except MemoryError:
        unreadable.append(Unreadable(path=shown, message="too large for the memory there is"))
    except OSError as error:
        unreadable.append(Unreadable(path=shown, message=_reason(error)))
    except Exception as error:  # A fault of one reader must not lose the other runs.
        what = f"the reader failed ({type(error).__name__}: {error})"
        unreadable.append(Unreadable(path=shown, message=" ".join(what.split())[:300]))


def _reason(error: OSError) -> str:
    return (
        "no permission to read"
        if isinstance(error, PermissionError)
        else (error.strerror or str(error)).lower()
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # A folder above may not be searched, or the name holds a NUL.
        return False


class _Root:
    """One path the user gave, and the files below it."""

    def __init__(self, typed: str, names: Mapping[str, str]) -> None:
        self.names = names
        self.shown = typed.replace(os.sep, "/")
        self.is_stdin = typed == STDIN
        self.path = Path(typed)
        self.is_folder = not self.is_stdin and _is_folder(self.path)

    @property
    def name(self) -> str:
        """The last part of the path; of ``.`` and ``..`` that of the folder they mean."""
        if self.is_stdin:
            return "stdin"
        last = self.path.name if self.path.name not in ("", "..") else self.path.resolve().name
        return last if self.is_folder else _stem(last)

    def files(self, unreadable: list[Unreadable]) -> Iterator[LogFile]:
        """Every file that could be a log, folders in sorted order."""
        if self.is_stdin:
            data = sys.stdin.buffer.read(_STDIN_LIMIT + 1)
            if len(data) > _STDIN_LIMIT:
                raise UnreadableError(
                    "more than 1 GiB", where="standard input", next_step="name the file instead"
                )
            yield LogFile(Path("stdin"), "standard input", data, self.names)
        elif self.is_folder:
            yield from self._walk(self.path, "", unreadable, frozenset())
        else:
            yield self._single()

    def _single(self) -> LogFile:
        try:
            mode = self.path.stat().st_mode
        except (OSError, ValueError) as error:
            what = "no such file or folder" if isinstance(error, FileNotFoundError) else "cannot be opened"
            if isinstance(error, PermissionError):
                what = "no permission to read"
            raise UnreadableError(what, where=self.shown, next_step="check the path") from None
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise UnreadableError("neither a file nor a folder", where=self.shown, next_step="check the path")
        if stat.S_ISFIFO(mode):
            with self.path.open("rb") as pipe:
                return LogFile(self.path, self.shown, pipe.read(_STDIN_LIMIT), self.names)
        return self._opened(self.path, self.shown)

    def _opened(self, path: Path, shown: str) -> LogFile:
        data = _unpacked(path, shown) if path.suffix.lower() == ".gz" else None
        return LogFile(path, shown, data, names=self.names)

    def _walk(
        self, folder: Path, below: str, unreadable: list[Unreadable], above: frozenset[tuple[int, int]]
    ) -> Iterator[LogFile]:
        shown = posixpath.join(self.shown, below) if below else self.shown
        try:
            status = folder.stat()
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            unreadable.append(Unreadable(path=shown, message=f"{_reason(error)}; check its permissions"))
            return
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                is_folder = entry.is_dir()
                is_file = not is_folder and entry.is_file()
            except OSError:
                continue
            if is_folder:
                folders.append(entry.name)
            elif is_file and _may_be_log(entry.name):
                where = posixpath.join(self.shown, posixpath.join(below, entry.name))
                with _reported(unreadable, where):
                    yield self._opened(folder / entry.name, where)
        for name in folders:
            if name not in _IGNORED_FOLDERS:
                yield from self._walk(
                    folder / name, posixpath.join(below, name), unreadable, above | {identity}
                )

    def below(self, file: LogFile) -> str:
        """Path of a file relative to this root, POSIX style; empty for the root itself."""
        if not self.is_folder:
            return ""
        return file.path.relative_to(self.path).as_posix()


def _stem_and_suffix(name: str) -> tuple[str, str]:
    return os.path.splitext(name)


def _may_be_log(name: str) -> bool:
    """Whether the suffix leaves it open that a file is a log."""
    stem, suffix = _stem_and_suffix(name)
    if suffix.lower() == ".gz":
        return _stem_and_suffix(stem)[1].lower() in _LOG_SUFFIXES
    return suffix.lower() not in _NO_LOGS


def _unpacked(path: Path, shown: str) -> bytes:
    """The content of a ``.gz``.

    Raises:
        UnreadableError: it is no whole gzip file, or holds more than `_MOST_UNPACKED` bytes.
    """
    import gzip
    import zlib

    try:
        with gzip.open(path) as file:
            data = file.read(_MOST_UNPACKED + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableError("a broken gzip file", where=shown, next_step="unpack it with gunzip") from None
    if len(data) > _MOST_UNPACKED:
        what = f"unpacks to more than {_MOST_UNPACKED >> 20} MiB"
        raise UnreadableError(what, where=shown, next_step="unpack it and name the file inside")
    return data


def _stem(name: str) -> str:
    stem, suffix = _stem_and_suffix(name.removesuffix(".gz"))
    return stem if stem and suffix.lower() in _LOG_SUFFIXES else name


def recognise(file: LogFile, readers: Iterable[Reader]) -> Reader | None:
    """The reader whose format the file has; None where no reader knows it.

    Raises:
        UnreadableError: two readers fit equally well, or the file cannot be opened.
    """
    fits: dict[Fit, list[Reader]] = defaultdict(list)
    for reader in readers:
        fits[reader.fit(file)].append(reader)
    best = max(fits)
    if best is Fit.NO:
        return None
    if len(fits[best]) > 1:
        tied = " and ".join(sorted(reader.name for reader in fits[best]))
        raise file.unreadable(f"fits {tied} equally well", "choose one with --reader NAME")
    return fits[best][0]


def _runs_below(
    root: _Root,
    files: Sequence[LogFile],
    readers: tuple[Reader, ...],
    *,
    forced: bool,
    names: _Names,
    unreadable: list[Unreadable],
) -> Iterator[Run]:
    errors = len(unreadable)
    known: dict[Reader, list[LogFile]] = defaultdict(list)
    held = 0
    for file in files:
        with _reported(unreadable, file.shown):
            chosen = recognise(file, readers)
            if chosen is None and not root.is_folder:
                if not forced:
                    raise _not_a_log(file)
                chosen = readers[0]
            if chosen is not None:
                known[chosen].append(file)
                held += len(file.head)
                if held > _MOST_HELD:
                    file.forget()
    clusters = _clusters(root, known, unreadable)
    in_order = [pair for home in sorted(clusters) for pair in clusters[home]]
    # Each reader is given all its groups at once: some read many small files together.
    streams = {
        reader: reader.read_many([group for each, group in in_order if each is reader]) for reader in known
    }
    anything = False
    for home in sorted(clusters):
        candidates = [
            candidate
            for reader, group in clusters[home]
            for candidate in _read_group(reader, group, streams[reader], unreadable, in_folder=root.is_folder)
        ]
        merged = merge(candidates)
        anything = anything or bool(merged)
        titles = _titles(root, home, merged)
        for group, title in zip(merged, titles, strict=True):
            yield _as_run(group, names.unique(title, root.name))
    if root.is_folder and not anything and len(unreadable) == errors:
        what = "no training logs below this folder" if files else "no files below this folder"
        raise UnreadableError(what, where=root.shown, next_step=_NEXT_STEP)


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
    root: _Root, known: Mapping[Reader, Sequence[LogFile]], unreadable: list[Unreadable]
) -> dict[str, _Cluster]:
    """Groups of files by the folder they belong to: forms of one run are looked for within each."""
    clusters: dict[str, _Cluster] = defaultdict(list)
    for reader in sorted(known, key=lambda each: (each.precedence, each.name)):
        with _reported(unreadable, root.shown):
            for group in reader.groups(known[reader]):
                folders = [posixpath.dirname(root.below(file)) for file in group]
                home = posixpath.commonpath(folders) if len(folders) > 1 else folders[0]
                clusters[_home(home)].append((reader, group))
    return dict(clusters)


def _home(folder: str) -> str:
    """The folder without trailing parts that only say what kind of file lies there."""
    while folder and _is_plain(posixpath.basename(folder).lower()):
        folder = posixpath.dirname(folder)
    return folder


def _is_plain(name: str) -> bool:
    return name in _PLAIN_FOLDERS or _CHECKPOINT.fullmatch(name) is not None


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
    with _reported(unreadable, group[0].shown):
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


def _titles(root: _Root, home: str, merged: Sequence[Merged]) -> list[str]:
    """Names for the runs of one cluster, relative to the root."""
    if not root.is_folder:
        return [
            _labelled(root.name, group.main.run, number, merged) for number, group in enumerate(merged, 1)
        ]
    if len(merged) == 1:
        return [home or root.name]
    places = [_place(root, group) for group in merged]
    stems = [posixpath.join(posixpath.dirname(place), _stem(posixpath.basename(place))) for place in places]
    titles = []
    for number, (group, place, stem) in enumerate(zip(merged, places, stems, strict=True), 1):
        same_stem = {other for other, each in zip(places, stems, strict=True) if each == stem}
        titles.append(_labelled(stem if len(same_stem) == 1 else place, group.main.run, number, merged))
    return titles


def _labelled(name: str, run: LoggedRun, number: int, merged: Sequence[Merged]) -> str:
    if not run.label:
        return name
    first = run.files[0].path
    among = [group.main.run for group in merged if group.main.run.files[0].path == first]
    place = next(i for i, each in enumerate(among, 1) if each is run)
    label = run.label if not run.label.startswith("run ") else str(place)
    return f"{name}#{label}"


def _place(root: _Root, group: Merged) -> str:
    """Where a run lies: its file, or the folder its several files share."""
    inside = [root.below(file) for file in group.main.run.files]
    if len(inside) == 1:
        return inside[0]
    folder = posixpath.commonpath([posixpath.dirname(each) for each in inside])
    while posixpath.basename(folder).lower() in _SPLIT_FOLDERS:
        folder = posixpath.dirname(folder)
    return folder or root.name


def _as_run(group: Merged, name: str) -> Run:
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
        params=MappingProxyType(dict(run.params)),
    )


def _percent(run: LoggedRun) -> dict[str, str]:
    """Accuracies that count to 100, by their names."""
    details = {}
    for series in run.series:
        if is_accuracy(series.metric) and len(series):
            top = np.nanmax(np.where(np.isfinite(series.value), series.value, 0.0))
            if 1.5 < top <= 100:
                details[f"{series.split}/{series.metric}"] = "in percent"
    return details


def _shared_folder(files: Sequence[LogFile]) -> str:
    return posixpath.commonpath([posixpath.dirname(file.shown) or "." for file in files])


@dataclass(slots=True)
class _Names:
    """Names given out in one call: no two runs share one."""

    taken: set[str] = field(default_factory=set)

    def unique(self, wanted: str, root: str) -> str:
        """`wanted`, else below its root's name, else numbered."""
        name = wanted
        if name in self.taken and not wanted.startswith(root):
            name = f"{root}/{wanted}"
        number = 2
        while name in self.taken:
            name = f"{wanted}#{number}"
            number += 1
        self.taken.add(name)
        return name
