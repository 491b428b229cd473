"""Where results go: data to standard output or a file, talk to standard error."""

from __future__ import annotations

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


def write_result(text: str, path: Path | None) -> None:
    """Data to standard output, or to the file the user named (UTF-8).

    Raises:
        UsageError: the file cannot be written.
    """
    with opened_result(path) as write:
        write(text)


@contextmanager
def opened_result(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Where data goes, piece by piece: standard output, or the file the user named (UTF-8).

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None or str(path) == "-":
        encoding = sys.stdout.encoding or "utf-8"
        yield lambda text: sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file.write
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(path), next_step="give -o a file that can be written") from error
