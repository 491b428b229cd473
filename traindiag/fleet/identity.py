"""What a report depends on: the bytes of its files, the code that read and judged them, the settings."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from traindiag.model.errors import UnreadableError
from traindiag.readers.base import HEAD_BYTES, LogFile

SIZE = 16
SETTLED_NS = 3_000_000_000
"""A large file changed less than this long ago may change again unseen: clocks of file systems are coarse."""


@cache
def code_version() -> str:
    """A digest of everything but the log that a report depends on: this package's code, plugins, NumPy, pandas.

    The code itself is hashed, not only the version: a rule that is being written changes with every save.
    """
    import numpy as np

    digest = hashlib.blake2b(digest_size=SIZE)
    package = Path(__file__).resolve().parents[1]
    for room in ("model", "analysis", "readers", "rules", "fleet"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    for path in sorted(package.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    plugins = [
        f"{entry.value} {entry.dist.version if entry.dist else ''}"
        for group in ("traindiag.readers", "traindiag.rules")
        for entry in importlib.metadata.entry_points(group=group)
    ]
    others = [np.__version__, importlib.metadata.version("pandas"), platform.python_version()]
    digest.update(json.dumps([sorted(plugins), others]).encode())
    return digest.hexdigest()


def identity(file: LogFile, clock: Callable[[], int] = time.time_ns) -> list[Any] | None:
    """What tells one content of a file from any other; None where that cannot be said.

    Of a small file it is the digest of all its bytes. Of a larger one it is the digests of its first and last
    64 KiB with size, times of change, place and number of the file on its disk. A file behind a URL must bear
    a version of its own unless it is small.
    """
    try:
        head = file.head
        if len(head) < HEAD_BYTES and file.size == len(head):
            return [file.below, len(head), _digest(head)]
        if file.in_memory:
            version = getattr(file, "version", "")
            return [file.below, file.where, file.size, str(version), _digest(head)] if version else None
        return _of_large(file, head, clock)
    except (UnreadableError, OSError):
        return None


def _of_large(file: LogFile, head: bytes, clock: Callable[[], int]) -> list[Any] | None:
    descriptor = os.open(file.where, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        if abs(clock() - changed) < SETTLED_NS:
            return None
        os.lseek(descriptor, max(0, status.st_size - HEAD_BYTES), os.SEEK_SET)
        tail = os.read(descriptor, HEAD_BYTES)
    finally:
        os.close(descriptor)
    numbers = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]
    return [file.below, os.path.abspath(file.where), *numbers, _digest(head), _digest(tail)]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=SIZE).hexdigest()


def key_of(*parts: Any) -> str:
    """One name for all that is given: plain values, mappings in any order."""
    text = json.dumps(parts, sort_keys=True, default=_listed)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).hexdigest()


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"cannot name a {type(value).__name__}")
