"""The files below a path that could be logs, and the paths and names they are shown with."""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from traindiag.model.errors import TraindiagError, UnreadableError
from traindiag.model.report import Unreadable
from traindiag.readers.base import LogFile
from traindiag.readers.chosen import EVERYTHING, Chosen
from traindiag.readers.folders import is_store, parts_of_one
from traindiag.readers.urls import is_url

STDIN = "-"
_STDIN_LIMIT = 1 << 30
_NO_LOGS = frozenset(
    f".{suffix}"
    for suffix in (
        "png jpg jpeg gif bmp tif tiff webp svg ico pdf eps wav mp3 flac ogg mp4 avi mov mkv "
        "h5 hdf5 keras weights pt pth ckpt safetensors onnx tflite pb bin "
        "npy npz mat parquet feather arrow tfrecord tfrecords data-00000-of-00001 "
        "zip gz bz2 xz zst 7z tar tgz whl so dll exe o a pyc class db sqlite doc docx xls xlsx ppt pptx "
        "py ipynb c cc cpp h hpp cu js ts css html htm java go rs rb r jl sh md rst tex console"
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


class reported:  # noqa: N801  it reads as a verb: with reported(...)
    """Turns whatever goes wrong with one file into an entry of the list."""

    __slots__ = ("shown", "unreadable")

    def __init__(self, unreadable: list[Unreadable], shown: str) -> None:
        self.unreadable = unreadable
        self.shown = shown

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        entry = _entry(error, self.shown)
        if entry is None:
            return False
        self.unreadable.append(entry)
        return True


def _entry(error: Exception, shown: str) -> Unreadable | None:
    """What to say about a failure; None for one that is no matter of a single file."""
    if isinstance(error, UnreadableError):
        text = f"{error.what}; {error.next_step}" if error.next_step else error.what
        return Unreadable(path=error.where or shown, message=text)
    if isinstance(error, TraindiagError):
        return None
    if isinstance(error, RecursionError):
        return Unreadable(path=shown, message="nested too deeply for a log")
    if isinstance(error, MemoryError):
        return Unreadable(path=shown, message="too large for the memory there is")
    if isinstance(error, OSError):
        return Unreadable(path=shown, message=_reason(error))
    # A fault of one reader must not lose the other runs.
    what = f"the reader failed ({type(error).__name__}: {error})"
    return Unreadable(path=shown, message=" ".join(what.split())[:300])


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that could be a log, not looked into yet.

    Attributes:
        where: its path or URL.
        below: the path relative to the root, POSIX style; empty for a file the user named.
        size: bytes, where the listing told; else None.
        version: what the file system says changes with the content (an ETag); empty where it says nothing.
    """

    where: str
    below: str
    size: int | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that must be looked at together: what can be one run in several files never lies in two units.

    Attributes:
        below: the folder they lie in or below, relative to the root.
        entries: the files, in order.
        filtered: whether some were left out because the user said so.
    """

    below: str
    entries: tuple[Entry, ...]
    filtered: bool = False


@dataclass(slots=True)
class Listing:
    """What lies in one folder: names of files, with what is known of them, and names of folders."""

    files: dict[str, Entry | None]
    folders: list[str]


class Tree(Protocol):
    """Where folders and files lie: a disk, or a file system behind a URL."""

    def listing(self, below: str) -> Listing:
        """What lies in a folder, names in order.

        Raises:
            OSError: the folder cannot be read.
            UnreadableError: the same, of a URL.
        """

    def where(self, below: str) -> str:
        """The path or URL of a file."""


class LocalTree:
    """Folders of this machine. Links are followed, but not in a circle, and to each folder once."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._linked: set[str] = set()

    def where(self, below: str) -> str:
        return os.path.join(self.base, *below.split("/")) if below else self.base

    def listing(self, below: str) -> Listing:
        files: dict[str, Entry | None] = {}
        folders = []
        with os.scandir(self.where(below)) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                try:
                    if entry.is_dir():
                        if not entry.is_symlink() or self._first_visit(entry.path):
                            folders.append(entry.name)
                    elif entry.is_file():
                        files[entry.name] = None
                except OSError:
                    continue
        return Listing(files, folders)

    def _first_visit(self, link: str) -> bool:
        """Whether a link leads to a folder that is neither above it nor entered by another link or by itself."""
        target, here = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
        below = os.path.relpath(target, os.path.realpath(self.base)).split(os.sep)
        by_itself = not any(map(_is_passed_over, below))  # W&B's ``latest-run``.
        if by_itself or target in self._linked or os.path.commonpath([target, here]) == target:
            return False
        self._linked.add(target)
        return True


class Root:
    """One path the user gave, and the files below it.

    Args:
        typed: a file, a folder, ``-`` for standard input, or a URL.
        names: what columns and keys of tables mean.
        histograms: whether those in event files are reduced to statistics.
        chosen: which files below the folder are wanted.
    """

    def __init__(
        self,
        typed: str,
        names: Mapping[str, str],
        *,
        histograms: bool = False,
        chosen: Chosen = EVERYTHING,
    ) -> None:
        self.names = names
        self.histograms = histograms
        self.chosen = chosen
        self.is_stdin = typed == STDIN
        self.is_remote = not self.is_stdin and is_url(typed)
        self.path = Path(os.path.abspath(typed)) if not self.is_remote else Path(typed)
        self.tree: Tree
        if self.is_remote:
            from traindiag.readers.remote import RemoteTree

            remote = RemoteTree(typed)
            self.tree, self.shown, self.is_folder = remote, remote.shown, remote.is_folder
            self._name = remote.name
            return
        self.shown = typed.replace(os.sep, "/")
        self.is_folder = not self.is_stdin and _is_folder(self.path)
        self._name = "stdin" if self.is_stdin else self.path.name
        self.tree = LocalTree(os.fspath(self.path))

    @property
    def name(self) -> str:
        """The last part of the path; of ``.`` and ``..`` that of the folder they mean."""
        return self._name if self.is_folder or self.is_stdin else stem_of(self._name)

    @property
    def is_here_only(self) -> bool:
        """Whether only this process can read it: standard input, a pipe, or this process's own memory."""
        if self.is_remote:
            return bool(getattr(self.tree, "is_here_only", False))
        return self.is_stdin or (not self.is_folder and _is_pipe(self.path))

    def units(self, unreadable: list[Unreadable]) -> Iterator[Unit]:
        """Every file that could be a log, in units that stand alone, as they are found.

        A folder comes before those below it, and these in the order of their names.
        """
        if self.is_folder:
            yield from self._walk(unreadable)
        else:
            yield Unit("", (Entry(self.tree.where(""), ""),))

    def opened(self, entry: Entry) -> LogFile:
        """The file of an entry.

        Raises:
            UnreadableError: there is no such file, or it is a broken archive.
        """
        if self.is_stdin:
            return self._from_stdin()
        if self.is_remote:
            from traindiag.readers.remote import remote_file

            return remote_file(
                self.tree, entry, self._shown(entry), names=self.names, histograms=self.histograms
            )
        if not self.is_folder:
            return self._single()
        return self._opened(entry.where, self._shown(entry), entry.below)

    def prefetch(self, files: Sequence[LogFile]) -> None:
        """Asks for the beginnings of many remote files at once; local ones are as quick one by one."""
        if self.is_remote:
            from traindiag.readers.remote import RemoteFile, RemoteTree

            assert isinstance(self.tree, RemoteTree)
            self.tree.prefetch(file for file in files if isinstance(file, RemoteFile))

    def _shown(self, entry: Entry) -> str:
        return posixpath.join(self.shown, entry.below) if entry.below else self.shown

    def _from_stdin(self) -> LogFile:
        data = sys.stdin.buffer.read(_STDIN_LIMIT + 1)
        if len(data) > _STDIN_LIMIT:
            raise UnreadableError(
                "more than 1 GiB", where="standard input", next_step="name the file instead"
            )
        return LogFile("stdin", "standard input", data, self.names, histograms=self.histograms)

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
                return LogFile(
                    self.path, self.shown, pipe.read(_STDIN_LIMIT), self.names, histograms=self.histograms
                )
        return self._opened(self.path, self.shown)

    def _opened(self, path: Path | str, shown: str, below: str = "") -> LogFile:
        data = unpacked(path, shown) if shown[-3:].lower() == ".gz" else None
        return LogFile(path, shown, data, self.names, below, self.histograms)

    def _walk(self, unreadable: list[Unreadable]) -> Iterator[Unit]:
        waiting = [""]
        while waiting:
            below = waiting.pop()
            unit, folders = self._unit(below, unreadable)
            if unit.entries:
                yield unit
            folders.sort(key=lambda path: path.split("/"), reverse=True)
            waiting += folders

    def _unit(self, home: str, unreadable: list[Unreadable]) -> tuple[Unit, list[str]]:
        """The files of a folder and of those below it that belong to its runs, and the other folders."""
        entries: list[Entry] = []
        apart: list[str] = []
        filtered = False
        within = [(home, False)]
        for below, in_store in within:
            try:
                listing = self.tree.listing(below)
            except OSError as error:
                shown = posixpath.join(self.shown, below) if below else self.shown
                unreadable.append(Unreadable(path=shown, message=f"{_reason(error)}; check its permissions"))
                continue
            except UnreadableError as error:
                unreadable.append(Unreadable(path=error.where, message=f"{error.what}; {error.next_step}"))
                continue
            prefix = f"{below}/" if below else ""
            for name, known in listing.files.items():
                if name.startswith(".") or not _may_be_log(name):
                    continue
                if not self.chosen.file(prefix + name):
                    filtered = True
                    continue
                entries.append(known or Entry(self.tree.where(prefix + name), prefix + name))
            for name in listing.folders:
                if _is_passed_over(name):
                    continue
                if not self.chosen.folder(prefix + name):
                    filtered = True
                elif in_store or parts_of_one(name, listing.folders, listing.files):
                    within.append((prefix + name, in_store or is_store(name, listing.folders, listing.files)))
                else:
                    apart.append(prefix + name)
        return Unit(home, tuple(entries), filtered), apart


def _is_passed_over(folder: str) -> bool:  # True of ``..``, which leads out of the root.
    return folder.startswith(".") or folder in _IGNORED_FOLDERS


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _may_be_log(name: str) -> bool:
    """Whether the suffix leaves it open that a file is a log."""
    if "tfevents" in name:  # What follows is the name of a host, and may end like anything: ``.node1.js``.
        return True
    bare, suffix = os.path.splitext(name)
    if suffix.lower() == ".gz":
        return os.path.splitext(bare)[1].lower() in _LOG_SUFFIXES
    return suffix.lower() not in _NO_LOGS


def unpacked(packed: Path | str | BinaryIO, shown: str) -> bytes:
    """The content of a ``.gz``, from its path or its bytes.

    Raises:
        UnreadableError: it is no whole gzip file, or holds more than `_MOST_UNPACKED` bytes.
    """
    import gzip
    import zlib

    try:
        with gzip.open(packed) as file:
            data = file.read(_MOST_UNPACKED + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableError("a broken gzip file", where=shown, next_step="unpack it with gunzip") from None
    if len(data) > _MOST_UNPACKED:
        what = f"unpacks to more than {_MOST_UNPACKED >> 20} MiB"
        raise UnreadableError(what, where=shown, next_step="unpack it and name the file inside")
    return data


def stem_of(name: str) -> str:
    """A file's name without a suffix that is no part of a run's name."""
    bare, suffix = os.path.splitext(name.removesuffix(".gz"))
    return bare if bare and suffix.lower() in _LOG_SUFFIXES else name
