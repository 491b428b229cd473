"""The files below a path that could be logs, and the paths and names they are shown with."""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from types import TracebackType

from traindiag.model.errors import TraindiagError, UnreadableError
from traindiag.model.report import Unreadable
from traindiag.readers.base import LogFile

STDIN = "-"
_STDIN_LIMIT = 1 << 30
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


class Root:
    """One path the user gave, and the files below it."""

    def __init__(self, typed: str, names: Mapping[str, str], *, histograms: bool = False) -> None:
        self.names = names
        self.histograms = histograms
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
        return last if self.is_folder else stem_of(last)

    def files(self, unreadable: list[Unreadable]) -> Iterator[LogFile]:
        """Every file that could be a log, folders in sorted order."""
        if self.is_stdin:
            data = sys.stdin.buffer.read(_STDIN_LIMIT + 1)
            if len(data) > _STDIN_LIMIT:
                raise UnreadableError(
                    "more than 1 GiB", where="standard input", next_step="name the file instead"
                )
            yield LogFile("stdin", "standard input", data, self.names, histograms=self.histograms)
        elif self.is_folder:
            yield from self._walk(os.fspath(self.path), "", unreadable, frozenset())
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
                return LogFile(
                    self.path, self.shown, pipe.read(_STDIN_LIMIT), self.names, histograms=self.histograms
                )
        return self._opened(self.path, self.shown)

    def _opened(self, path: Path | str, shown: str, below: str = "") -> LogFile:
        data = _unpacked(path, shown) if shown[-3:].lower() == ".gz" else None
        return LogFile(path, shown, data, self.names, below, self.histograms)

    def _walk(
        self, folder: str, below: str, unreadable: list[Unreadable], above: frozenset[tuple[int, int]]
    ) -> Iterator[LogFile]:
        shown = posixpath.join(self.shown, below) if below else self.shown
        try:
            status = os.stat(folder)
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=attrgetter("name"))
        except OSError as error:
            unreadable.append(Unreadable(path=shown, message=f"{_reason(error)}; check its permissions"))
            return
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        folders = []
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            try:
                is_folder = entry.is_dir()
                is_file = not is_folder and entry.is_file()
            except OSError:
                continue
            if is_folder:
                folders.append(name)
            elif is_file and _may_be_log(name):
                where = posixpath.join(shown, name)
                with reported(unreadable, where):
                    yield self._opened(entry.path, where, f"{below}/{name}" if below else name)
        for name in folders:
            if name not in _IGNORED_FOLDERS:
                yield from self._walk(
                    os.path.join(folder, name), posixpath.join(below, name), unreadable, above | {identity}
                )


def _may_be_log(name: str) -> bool:
    """Whether the suffix leaves it open that a file is a log."""
    bare, suffix = os.path.splitext(name)
    if suffix.lower() == ".gz":
        return os.path.splitext(bare)[1].lower() in _LOG_SUFFIXES
    return suffix.lower() not in _NO_LOGS


def _unpacked(path: Path | str, shown: str) -> bytes:
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


def stem_of(name: str) -> str:
    """A file's name without a suffix that is no part of a run's name."""
    bare, suffix = os.path.splitext(name.removesuffix(".gz"))
    return bare if bare and suffix.lower() in _LOG_SUFFIXES else name
