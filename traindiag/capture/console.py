"""Keeps what a script prints, while it goes where it always goes: same bytes, same moments, same stream.

Below `sys.stdout` and `sys.stderr` lies an unbuffered file. Another one of the same kind takes its place, which keeps
a copy of whatever it has written. So there is no pipe in between: a terminal is still a terminal, buffers are as large
as before, nothing comes later or in another order, and what a killed process had printed was printed. What child
processes and libraries write past Python is theirs alone.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LARGEST = 16 << 20
"""Bytes kept; the rest of what a script prints is not."""
_WAITING = 1 << 20
"""Bytes held until there is a folder for them."""
CUT = b"\n[traindiag: what was printed after this is not kept]\n"


class Transcript:
    """The text of a console, in a file that is begun when there is a recording for it to lie beside.

    Args:
        path: of the file, which is continued if it is there; nobody makes its folder but who records a run.
        largest: bytes added to it.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path = path
        self._left = largest
        self._waiting = b""
        self._wanted = False

    def begin(self) -> None:
        """From now on the text is wanted, with what was printed before."""
        self._wanted = True

    def add(self, data: bytes) -> None:
        """Keeps some bytes. Raises nothing: the script that printed them is not to know."""
        if self._left <= 0:
            return
        kept = data[: self._left]
        self._left -= len(kept)
        self._waiting += kept if self._left > 0 else kept + CUT
        self._write()
        if len(self._waiting) > _WAITING:
            self._waiting, self._left = self._waiting[:_WAITING] + CUT, 0

    def _write(self) -> None:
        if not self._wanted or not self._waiting or not self._path.parent.is_dir():
            return
        data, self._waiting = self._waiting, b""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            # Opened anew each time: a forked process, or a script that closes what it does not know, does no harm.
            file = os.open(self._path, flags, 0o666)
            try:
                os.write(file, data)
            finally:
                os.close(file)
        except OSError:
            self._left = 0

    def finish(self) -> None:
        """At the end of the script: what was printed before anything was recorded."""
        self._write()


class _Copied(io.FileIO):
    """A file that keeps a copy of what is written to it."""

    def __init__(self, descriptor: int, mode: str, name: str, keep: Callable[[bytes], None]) -> None:
        super().__init__(descriptor, mode, closefd=False)
        self.name = name
        self._keep = keep

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        written = super().write(data)
        if written:
            self._keep(bytes(memoryview(data).cast("B")[:written]))
        return written


def copy_streams(keep: Callable[[bytes], None]) -> None:
    """Hands whatever is written to standard output and standard error from now on to `keep`, too.

    A stream that is no file of the system as Python made it, such as a Windows console, stays as it is.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        copied = _copied(stream, keep)
        if copied is not None:
            setattr(sys, name, copied)
            setattr(sys, f"__{name}__", copied)


def _copied(stream: Any, keep: Callable[[bytes], None]) -> io.TextIOWrapper | None:
    if type(stream) is not io.TextIOWrapper:
        return None
    stream.flush()
    buffer = stream.buffer
    raw = getattr(buffer, "raw", buffer)
    if type(raw) is not io.FileIO:
        return None
    below: Any = _Copied(raw.fileno(), raw.mode, str(raw.name), keep)
    if buffer is not raw:
        below = io.BufferedWriter(below, _size_of(buffer))
    copied = io.TextIOWrapper(
        below,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    copied.mode = stream.mode  # type: ignore[misc]
    # Whoever held on to the old one still writes to the same file; it must not be closed with it.
    _replaced.append(stream)
    return copied


def _size_of(buffer: Any) -> int:
    """How many bytes a buffer holds: Python chooses by file system and version, and says so nowhere else."""
    size: int = buffer.__sizeof__() - type(buffer).__basicsize__
    return size if size > 0 else io.DEFAULT_BUFFER_SIZE


_replaced: list[Any] = []
