"""Where results go: data to standard output or a file, talk to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from traindiag.model.errors import UsageError


def say(message: str) -> None:
    """One line of talk on standard error, safe to show."""
    from traindiag.reports.sanitise import sanitise

    line = sanitise(message)
    encoding = sys.stderr.encoding or "ascii"
    print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def writable(path: Path) -> None:
    """Make sure that a file can be written, before the work is done whose result it shall hold.

    Raises:
        UsageError: it is a folder, lies in none, or may not be written.
    """
    if path.is_dir():
        raise UsageError("is a folder", where=str(path), next_step="name a file in it")
    if not path.parent.is_dir():
        raise UsageError("no such folder", where=str(path.parent), next_step="make it, or name another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError("permission denied", where=str(path), next_step="name a file that can be written")


def write_result(text: str, path: Path | None, *, document: bool = False) -> None:
    """Data to standard output, or to the file the user named (UTF-8).

    Args:
        document: whether the text is a file's whole content, UTF-8 wherever it goes.

    Raises:
        UsageError: the file cannot be written.
    """
    with opened_result(path, document=document) as write:
        write(text)


@contextmanager
def opened_result(path: Path | None, *, document: bool = False) -> Iterator[Callable[[str], object]]:
    """Where data goes, piece by piece: standard output, or the file the user named (UTF-8).

    Args:
        document: as for `write_result`.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None or str(path) == "-":
        yield _to_pipe if document and not sys.stdout.isatty() else _to_stdout
        return
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file.write
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(path), next_step="name a file that can be written") from error


def _to_stdout(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _to_pipe(text: str) -> None:
    """The bytes of the document: its own header says UTF-8, whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
