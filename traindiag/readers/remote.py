"""Logs behind a URL, read through fsspec: only the bytes that are needed, small files many at a time.

A listing tells names and sizes; the first 64 KiB of a file tell its format and are all there is of most logs; only
what is larger is asked for again. Credentials are the file system's own business (its environment variables and
files). They are never part of a message.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Protocol, cast

from traindiag.model.errors import TraindiagError, UnreadableError, UsageError
from traindiag.readers.base import HEAD_BYTES, MAX_TEXT_BYTES, LogFile
from traindiag.readers.urls import shown_url, without_secrets
from traindiag.readers.walking import Entry, Listing, Tree, stem_of, unpacked

_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "CRC",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
)
MOST_KEPT = 64 << 20
"""Bytes of a log up to which it is kept."""
_EXTRA = "pip install 'traindiag[remote]'"
_PROCESS_ONLY = frozenset(("memory",))
_PACKED = frozenset(("zip", "tar", "libarchive"))


class RemoteTree:
    """The files below one URL.

    Args:
        url: as the user typed it.

    Attributes:
        shown: the URL without anything secret.
        name: its last part.
        is_folder: whether files lie below it.

    Raises:
        UsageError: the file system is unknown or its package is not installed.
        UnreadableError: there is nothing at the URL, or it may not be read.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.shown = shown_url(url)
        self._fs: Any = None
        self._listings: dict[str, Listing] | None = None
        self.base = str(self.fs._strip_protocol(self._path_in(url))).rstrip("/")
        self.is_folder = self._is_folder()
        packed = self.shown.split("::")[-1] if self._protocol in _PACKED else self.shown
        last = posixpath.basename(packed.rstrip("/"))
        self.name = (
            last if self._protocol not in _PACKED else stem_of(last).removesuffix(f".{self._protocol}")
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file system and the listing: another process opens its own."""
        return {**self.__dict__, "_fs": None, "_listings": None}

    @property
    def fs(self) -> Any:
        """The file system, opened when it is first asked for."""
        if self._fs is None:
            self._fs = _file_system(self.url, self.shown)[0]
        return self._fs

    @property
    def is_here_only(self) -> bool:
        """Whether the files exist in this process alone."""
        return any(part.split("://")[0] in _PROCESS_ONLY for part in self.url.split("::"))

    def where(self, below: str) -> str:
        """The path of a file as the file system knows it."""
        return posixpath.join(self.base, below) if below else self.base

    def listing(self, below: str) -> Listing:
        """What lies in a folder; stores of objects are listed once and as a whole.

        Raises:
            UnreadableError: the listing was refused.
        """
        try:
            if self._protocol in ("http", "https"):
                return self._linked(below)
            if self._listings is None:
                self._listings = self._everything()
            return self._listings.pop(below, Listing({}, []))
        except Exception as error:
            where = posixpath.join(self.shown, below) if below else self.shown
            todo = "check the network and your credentials"
            raise UnreadableError(reason(error), where=where, next_step=todo) from None

    def prefetch(self, files: Iterable[RemoteFile]) -> None:
        """Asks for the beginnings of many files at once."""
        wanted = [file for file in files if file.wants_head]
        if not wanted:
            return
        ends = [min(file.known_size or HEAD_BYTES, HEAD_BYTES) for file in wanted]
        paths = [file.where for file in wanted]
        try:
            got = self.fs.cat_ranges(paths, [0] * len(paths), ends, on_error="return")
        except Exception:
            return  # Each file is asked for by itself and tells what is wrong.
        for file, head in zip(wanted, got, strict=True):
            if isinstance(head, bytes):
                file.take_head(head)

    @property
    def _protocol(self) -> str:
        return self.url.partition("::")[0].partition("://")[0]

    def _path_in(self, url: str) -> str:
        return _file_system(url, self.shown)[1]

    def _is_folder(self) -> bool:
        try:
            if self._protocol in ("http", "https"):
                return self.shown.endswith("/")
            return bool(self.fs.info(self.base)["type"] == "directory")
        except FileNotFoundError:
            what, todo = "no such file or folder", "check the URL"
        except Exception as error:
            what, todo = reason(error), "check the URL, the network and your credentials"
        raise UnreadableError(what, where=self.shown, next_step=todo)

    def _everything(self) -> dict[str, Listing]:
        found = self.fs.find(self.base, detail=True)
        listings: dict[str, Listing] = {"": Listing({}, [])}
        for path in sorted(found):
            below = path[len(self.base) :].lstrip("/") if path.startswith(self.base) else ""
            if below:
                folder, name = posixpath.split(below)
                _listing_of(listings, folder).files[name] = _entry(path, below, found[path])
        for listing in listings.values():
            listing.folders.sort()
        return listings

    def _linked(self, below: str) -> Listing:
        """What a page of links shows."""
        prefix = self.where(below).rstrip("/") + "/"
        listing = Listing({}, [])
        for info in sorted(self.fs.ls(prefix, detail=True), key=lambda each: str(each["name"])):
            name = str(info["name"]).removeprefix(prefix)
            if not name or "?" in name or "#" in name or "://" in name or "/" in name.rstrip("/"):
                continue
            if name.endswith("/"):
                listing.folders.append(name.rstrip("/"))
            else:
                listing.files[name] = _entry(str(info["name"]), posixpath.join(below, name), info)
        return listing


class Keeper(Protocol):
    """Keeps the bytes of logs, so that of one that has grown only the rest is read."""

    def get(self, where: str) -> bytes | None:
        """What was kept of a log."""

    def put(self, where: str, data: bytes) -> None:
        """Keep all bytes of a log."""


class RemoteFile(LogFile):
    """A log behind a URL.

    Attributes:
        keeps: where bytes are kept between calls; None asks for everything each time.
    """

    def __init__(
        self,
        tree: RemoteTree,
        entry: Entry,
        shown: str,
        names: Mapping[str, str],
        histograms: bool,
    ) -> None:
        super().__init__(entry.where, shown, None, names, entry.below, histograms)
        self._tree = tree
        self.known_size = entry.size
        self.version = entry.version
        self.keeps: Keeper | None = None
        self._size = entry.size

    @property
    def in_memory(self) -> bool:
        """Always: no path of this machine leads to it."""
        return True

    @property
    def wants_head(self) -> bool:
        """Whether the beginning has to be asked for."""
        return self._head is None and self.known_size != 0

    @property
    def size(self) -> int:
        """Bytes, as the file system says."""
        if self._size is None:
            self._size = self._asked(lambda: int(self._tree.fs.info(self.where)["size"] or 0))
        return self._size

    @property
    def head(self) -> bytes:
        """The first bytes, from one request."""
        if self._head is None:
            if self.known_size == 0:
                return b""
            end = min(self.known_size or HEAD_BYTES, HEAD_BYTES)
            self.take_head(self._asked(lambda: self._tree.fs.cat_file(self.where, start=0, end=end)))
        assert self._head is not None
        return self._head

    def take_head(self, data: bytes) -> None:
        """The beginning that was asked for; a server that knows no ranges sends everything."""
        if len(data) > HEAD_BYTES:
            self._data = data
        self._head = data[:HEAD_BYTES]
        if self._size is None and len(data) != HEAD_BYTES:
            self._size = len(data)

    def forget(self) -> None:
        """Lets go of what was read."""
        self._data = self._head = None

    def read_bytes(self, limit: int = MAX_TEXT_BYTES) -> bytes:
        """All bytes; those of the beginning, and those kept from an earlier time, are not asked for again.

        Raises:
            UnreadableError: the file cannot be read, is larger than `limit`, or came short.
        """
        if self._data is None:
            if self.size > limit:
                return super().read_bytes(limit)
            self._data = self._appended() or self.head + self._part(len(self.head), self.size)
            if self.keeps is not None and 2 * HEAD_BYTES < len(self._data) == self.size <= MOST_KEPT:
                self.keeps.put(self.where, self._data)
        if len(self._data) < self.size:
            raise self.unreadable(
                f"only {len(self._data):,} of {self.size:,} bytes came", "check that it was uploaded whole"
            )
        return self._data

    def _appended(self) -> bytes | None:
        """What was kept and what has come since; None where the log did not just grow at its end.

        That is held to be so when its first 64 KiB, and those before the end it had, are what they were.
        """
        kept = None if self.keeps is None or self.size <= 2 * HEAD_BYTES else self.keeps.get(self.where)
        if kept is None or not 2 * HEAD_BYTES < len(kept) <= self.size or kept[:HEAD_BYTES] != self.head:
            return None
        tail = self._part(len(kept) - HEAD_BYTES, self.size)
        return kept + tail[HEAD_BYTES:] if tail[:HEAD_BYTES] == kept[-HEAD_BYTES:] else None

    def _part(self, begin: int, end: int) -> bytes:
        """Some of the bytes; a server that knows no ranges sends everything."""
        if begin >= end:
            return b""
        part: bytes = self._asked(lambda: self._tree.fs.cat_file(self.where, start=begin, end=end))
        return part if len(part) <= end - begin else part[begin:end]

    def open(self) -> BinaryIO:
        """The file at its beginning; what is read of it is asked for, no more."""
        if self._data is not None or self.size <= (MOST_KEPT if self.keeps else len(self.head)):
            return io.BytesIO(self.read_bytes())
        opened = self._asked(lambda: self._tree.fs.open(self.where, "rb", cache_type="none"))
        return cast(BinaryIO, opened) if opened.seekable() else io.BytesIO(self.read_bytes())

    def _asked(self, ask: Any) -> Any:
        try:
            return ask()
        except FileNotFoundError:
            raise self.unreadable("no such file", "it was there when the folder was listed") from None
        except TraindiagError:
            raise
        except Exception as error:
            raise self.unreadable(reason(error), "check the network and your credentials") from None


def remote_file(
    tree: Tree, entry: Entry, shown: str, *, names: Mapping[str, str], histograms: bool
) -> LogFile:
    """The file of an entry; a packed one is unpacked.

    Raises:
        UnreadableError: it is no whole gzip file, or cannot be read.
    """
    assert isinstance(tree, RemoteTree)
    file = RemoteFile(tree, entry, shown, names, histograms)
    if shown[-3:].lower() != ".gz":
        return file
    data = unpacked(io.BytesIO(file.read_bytes()), shown)
    return LogFile(entry.where, shown, data, names, entry.below, histograms)


def reason(error: BaseException) -> str:
    """What a file system says went wrong: one short line without secrets."""
    if isinstance(error, PermissionError):
        return "no permission to read"
    text = " ".join(without_secrets(str(error)).split())
    return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__


def _file_system(url: str, shown: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError("reading URLs needs fsspec", where=shown, next_step=_EXTRA) from None
    try:
        fs, path = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = getattr(error, "name", None) or "another package"
        raise UsageError(
            f"reading this kind of URL needs {package}", where=shown, next_step=_step(url)
        ) from None
    except ValueError as error:
        if "rotocol not known" not in str(error):
            raise UnreadableError(reason(error), where=shown, next_step="check the URL") from None
        raise UsageError(
            "no file system of this name is known", where=shown, next_step="check the beginning of the URL"
        ) from None
    except Exception as error:
        raise UnreadableError(reason(error), where=shown, next_step="check the URL") from None
    return fs, str(path)


def _step(url: str) -> str:
    extras = {"gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs"}
    packages = {
        extras[part.partition("://")[0]] for part in url.split("::") if part.partition("://")[0] in extras
    }
    return f"pip install {' '.join(sorted(packages))}" if packages else _EXTRA


def _listing_of(listings: dict[str, Listing], folder: str) -> Listing:
    """The listing of a folder, known to all folders above it."""
    known = listings.get(folder)
    if known is None:
        known = listings[folder] = Listing({}, [])
        above, name = posixpath.split(folder)
        _listing_of(listings, above).folders.append(name)
    return known


def _entry(path: str, below: str, info: Mapping[str, Any]) -> Entry:
    size = info.get("size")
    version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
    return Entry(path, below, None if size is None else int(size), version)
