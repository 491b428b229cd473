"""Reports of runs that were judged before, on disk: one small file each, found by all that the report depends on.

Files are written beside their place and moved there, so that a reader sees a whole one or none, and two writers of
one entry write the same. What is broken, cut off or of another shape counts as not there. Nothing in an entry is ever
executed: it is compressed JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 1 << 30
"""Bytes kept; the entries that were not needed for the longest time go first."""
_MARK = b"traindiag-cache/1\n"
_CHECK = 16
_SUFFIX = ".entry"
_MOST_UNPACKED = 256 << 20
_FRESH_S = 86_400
_FOLDER_NAME = "reports"


@dataclass(frozen=True, slots=True)
class Contents:
    """How much is kept."""

    folder: str
    entries: int
    size: int


class Cache:
    """The entries below one folder.

    Args:
        folder: made when the first entry is written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder) / _FOLDER_NAME

    def get(self, key: str) -> Any:
        """The document stored under a key; None when there is none, or it is broken."""
        text = self.get_bytes(key)
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            return None

    def put(self, key: str, document: Any) -> None:
        """Store plain values; a full disk or a folder that cannot be written costs nothing but the entry."""
        # A plugin's finding may hold what is no plain value.
        with suppress(TypeError, ValueError):
            self.put_bytes(key, json.dumps(document, separators=(",", ":")).encode())

    def get_bytes(self, key: str) -> bytes | None:
        """The bytes stored under a key; None when there are none, or they are broken."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        content = _opened(data, key)
        if content is not None:
            _touched(path)
        return content

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store bytes, with the same care."""
        path, body = self._path(key), zlib.compress(content, 1)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MARK + _check(key, body) + body)
                os.replace(partial, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(partial)
                raise

    def contents(self) -> Contents:
        """How much is kept."""
        entries = list(self._entries())
        return Contents(os.fspath(self.folder), len(entries), sum(size for _, size, _ in entries))

    def clear(self) -> Contents:
        """Forget everything; what was kept is told."""
        before = self.contents()
        for path, _, _ in self._entries(partial=True):
            with suppress(OSError):
                os.unlink(path)
        for folder in self._folders():
            with suppress(OSError):
                os.rmdir(folder)
        with suppress(OSError):
            self.folder.rmdir()
        return before

    def prune(self, limit: int = LIMIT) -> int:
        """Forget what was not needed for the longest time until no more than `limit` bytes are left; how many."""
        entries = sorted(self._entries(), key=lambda entry: entry[2])
        total = sum(size for _, size, _ in entries)
        gone = 0
        for path, size, _ in entries:
            if total <= limit:
                break
            with suppress(OSError):
                os.unlink(path)
                gone += 1
            total -= size
        return gone

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}{_SUFFIX}"

    def _folders(self) -> list[str]:
        try:
            with os.scandir(self.folder) as found:
                return [
                    each.path for each in found if len(each.name) == 2 and each.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []

    def _entries(self, *, partial: bool = False) -> Iterator[tuple[str, int, float]]:
        """Path, size and time of last use of every entry; with those that a writer left unfinished."""
        suffixes = (_SUFFIX, ".partial") if partial else (_SUFFIX,)
        for folder in self._folders():
            with suppress(OSError), os.scandir(folder) as found:
                for each in found:
                    if each.name.endswith(suffixes):
                        with suppress(OSError):
                            status = each.stat(follow_symlinks=False)
                            yield each.path, status.st_size, status.st_mtime


def _check(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + body, digest_size=_CHECK).digest()


def _opened(data: bytes, key: str) -> bytes | None:
    """The content in the bytes of an entry, None where they are not what was written under this key."""
    begin = len(_MARK) + _CHECK
    body = data[begin:]
    if data[: len(_MARK)] != _MARK or data[len(_MARK) : begin] != _check(key, body):
        return None
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(body, _MOST_UNPACKED)
        return None if unpacker.unconsumed_tail else content
    except zlib.error:
        return None


def _touched(path: Path) -> None:
    """Notes that an entry was needed, once a day."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _FRESH_S:
            os.utime(path)
