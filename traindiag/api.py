"""The Python API: read logs, diagnose runs, render reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traindiag.model.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from traindiag.model.run import Run
    from traindiag.readers.discover import Found

Path = str | os.PathLike[str]


def read(path: Path, *, reader: str | None = None) -> Run:
    """The one run in a file or folder.

    Args:
        path: a log file, or a folder that holds one run in one or several forms.
        reader: name of the reader to use; None recognises the format by itself.

    Raises:
        UnreadableError: nothing there can be read as a log.
        UsageError: there are several runs; `read_all` takes them all.
    """
    found = read_all(path, reader=reader)
    if len(found.runs) == 1:
        return found.runs[0]
    if not found.runs:
        first = found.unreadable[0]
        raise UnreadableError(first.message, where=first.path)
    names = [run.name for run in found.runs]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    raise UsageError(
        f"{len(names)} runs ({shown})", where=str(path), next_step="name one of them, or use read_all"
    )


def read_all(*paths: Path, reader: str | None = None) -> Found:
    """Every run below some files and folders, and the files that could not be read.

    Args:
        paths: log files, folders, or ``-`` for standard input.
        reader: name of the reader to use; None recognises each format by itself.

    Raises:
        UsageError: no path is given, or there is no reader of that name.
    """
    from traindiag.readers.discover import find_runs

    return find_runs(paths, reader=reader)
