"""What every reader is: one file format, recognised by its bytes first and its name second."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import io
import os
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, cast

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.model.frame import Series
from traindiag.model.run import Damage

HEAD_BYTES = 65_536
MAX_TEXT_BYTES = 1 << 30
"""Text formats that must be held in memory as a whole are refused above this size."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Fit(IntEnum):
    """How well a file fits a reader. Two readers with the same best fit are an error, never a coin toss."""

    NO = 0
    NAME = 1
    """Only the name fits: empty or damaged at the start."""
    LOOSE = 2
    """Something in it reads like a log, of no format in particular."""
    CONTENT = 3
    """The beginning has the format's shape, and other formats could share it."""
    SURE = 4
    """The beginning has what only this format has: a checksum, a key, a header."""


class NotALogError(UnreadableError):
    """A whole and sound file that only looked like a log: below a folder it is passed over in silence."""


class LogFile:
    """One file that may be a log.

    Args:
        path: where it is.
        shown: how it is named in messages and reports: what the user typed, joined with what lies below.
        data: its bytes when they are in memory already (standard input).
        names: what the user says columns or keys mean, by their name in the file: ``{"trn": "loss"}``.
        below: the path relative to the folder it was found below, POSIX style; empty for a file the user named.
        histograms: whether histograms in it are wanted, reduced to statistics.

    Attributes:
        where: the path as text.
        memo: what readers found out about the file while recognising it, kept for the reading.
    """

    def __init__(
        self,
        path: Path | str,
        shown: str | None = None,
        data: bytes | None = None,
        names: Mapping[str, str] = _NOTHING,
        below: str = "",
        histograms: bool = False,
    ) -> None:
        self.where = os.fspath(path)
        self.names = names
        self.memo: dict[str, Any] = {}
        self.shown = self.where if shown is None else shown
        self.below = below
        self.histograms = histograms
        self._data = data
        self._head: bytes | None = None if data is None else data[:HEAD_BYTES]
        self._size: int | None = None if data is None else len(data)

    def __repr__(self) -> str:
        return f"LogFile({self.shown!r})"

    @cached_property
    def path(self) -> Path:
        """Where the file is; made when it is asked for: thousands of small files never need one."""
        return Path(self.where)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.where)

    @property
    def in_memory(self) -> bool:
        """Whether there is no file to open, only bytes."""
        return self._data is not None

    @property
    def size(self) -> int:
        """Bytes, at the first time it is asked for."""
        if self._size is None:
            try:
                self._size = self.path.stat().st_size
            except OSError as error:
                raise self.unreadable(_reason(error), "check the path and its permissions") from error
        return self._size

    @property
    def head(self) -> bytes:
        """The first `HEAD_BYTES` bytes."""
        if self._head is None:
            try:
                self._head = _beginning(self.where)
            except OSError as error:
                raise self.unreadable(_reason(error), "check the path and its permissions") from error
            if len(self._head) < HEAD_BYTES and self._size is None:
                self._size = len(self._head)
        return self._head

    def forget(self) -> None:
        """Lets go of the bytes held; they are read again when they are asked for."""
        if self._data is None:
            self._head = None

    def read_bytes(self, limit: int = MAX_TEXT_BYTES) -> bytes:
        """All bytes.

        Raises:
            UnreadableError: the file cannot be read or is larger than `limit`.
        """
        if self._data is not None:
            return self._data
        if self._head is not None and len(self._head) < HEAD_BYTES:
            return self._head
        if self.size > limit:
            raise self.unreadable(
                f"{self.size:,} bytes, more than the {limit:,} this format is read up to",
                "split the file or export the metrics as CSV",
            )
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self.unreadable(_reason(error), "check the path and its permissions") from error

    def open(self) -> BinaryIO:
        """The file at its beginning, unbuffered.

        Raises:
            UnreadableError: the file cannot be opened.
        """
        if self._data is not None:
            return io.BytesIO(self._data)
        try:
            return cast(BinaryIO, open(self.where, "rb", buffering=0))
        except OSError as error:
            raise self.unreadable(_reason(error), "check the path and its permissions") from error

    def unreadable(self, what: str, next_step: str) -> UnreadableError:
        """The error to raise when this file cannot be read."""
        return UnreadableError(what, where=self.shown, next_step=next_step)


def _beginning(path: str) -> bytes:
    """The first `HEAD_BYTES` bytes of a file; with as few calls as can be, for there may be thousands."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head = os.read(descriptor, HEAD_BYTES)
        while len(head) < HEAD_BYTES and (more := os.read(descriptor, HEAD_BYTES - len(head))):
            head += more
        return head
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return (
        "no permission to read"
        if isinstance(error, PermissionError)
        else (error.strerror or str(error)).lower()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRun:
    """One run as a reader hands it over; discovery names it, merges it and builds its frame.

    Attributes:
        files: the files it was read from; the first one names it.
        series: the rows, series by series, in the order logged.
        label: tells several runs of one file apart (``run 2``); empty when the file holds one.
        digest: hex digest of the bytes, see `digest_of`.
        damage: what was lost while reading.
        details: what was inferred, each in a few words.
        params: hyper-parameters and configuration found in the log.
    """

    files: tuple[LogFile, ...]
    series: Sequence[Series]
    label: str = ""
    digest: str = ""
    damage: tuple[Damage, ...] = ()
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


class Reader(ABC):
    """A file format. One subclass a file; its docstring is its page in ``traindiag readers``.

    Class attributes:
        name: kebab-case, unique: ``keras-csv``.
        precedence: which file is kept when several in a folder hold the same run; less wins
            (event files 10, CSV 20, JSON 30, text and pickles 40, console 50).
    """

    name: ClassVar[str]
    precedence: ClassVar[int] = 60
    registry: ClassVar[dict[str, type[Reader]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            Reader.registry[cls.name] = cls

    @abstractmethod
    def fit(self, file: LogFile) -> Fit:
        """How well the file fits. Reads no more than `LogFile.head` and never raises on bad bytes."""

    def groups(self, files: Sequence[LogFile]) -> Iterable[Sequence[LogFile]]:
        """Files that must be read together; each on its own unless a format spreads a run over files.

        Only files of one folder, and of those below it that belong to its runs (see `traindiag.readers.folders`),
        are ever given at once.
        """
        return [[file] for file in files]

    @abstractmethod
    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        """The runs in one group of files.

        Raises:
            UnreadableError: nothing in them can be read.
        """

    def read_many(
        self, groups: Iterable[Sequence[LogFile]]
    ) -> Iterator[Sequence[LoggedRun] | UnreadableError]:
        """What `read` gives or raises for each group, in order; a format may read small files together."""
        for group in groups:
            try:
                yield self.read(group)
            except UnreadableError as error:
                yield error


def digest_of(*parts: bytes) -> str:
    """The short content digest kept in `Source.digest`: BLAKE2b, 16 bytes, as hex."""
    return hashlib.blake2b(parts[0] if len(parts) == 1 else b"".join(parts), digest_size=16).hexdigest()


@cache
def all_readers() -> tuple[Reader, ...]:
    """An instance of every reader: one per module of this package, and those of installed plugins.

    Plugins name a `Reader` subclass under the entry point group ``traindiag.readers``.
    """
    import traindiag.readers as package

    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    for entry in importlib.metadata.entry_points(group="traindiag.readers"):
        try:
            entry.load()
        except Exception as error:
            raise UsageError(
                f"the reader plugin {entry.name} cannot be loaded ({type(error).__name__}: {error})",
                where=entry.value,
                next_step="update or uninstall the package that brings it",
            ) from error
    return tuple(Reader.registry[name]() for name in sorted(Reader.registry))
