"""Files that survive a killed process: tables that grow line by line, texts replaced as a whole."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Cell = float | int


def write_whole(path: Path, text: str) -> None:
    """Replaces a file by another: a reader, or a crash, finds the old text or the new one, never a part.

    Raises:
        OSError: the folder cannot be written to; the old file is still there.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def append_whole(path: Path, data: bytes) -> None:
    """Adds to a file, whole or not at all: half a record would spoil those that are added once there is space again.

    Raises:
        OSError: the file cannot be written; it is as it was.
    """
    size = path.stat().st_size if path.exists() else None
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError:
        if size is None:
            path.unlink(missing_ok=True)
        else:
            os.truncate(path, size)
        raise


class Table:
    """A CSV file that grows by rows, each handed to the system before `append` returns.

    A column that appears late is added to the rows before it, empty there. An existing file is continued; what
    a killed process left of a last line is cut off. The file is closed between rows, so that a forked process
    inherits no buffer.

    Args:
        path: the file; made by the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        if path.is_file():
            self.columns = _repaired_header(path)

    def append(self, rows: Iterable[Mapping[str, Cell]]) -> None:
        """Adds rows, by name of the column.

        Raises:
            OSError: the file cannot be written.
        """
        kept = list(rows)
        new = [
            name for name in dict.fromkeys(name for row in kept for name in row) if name not in self.columns
        ]
        columns = self.columns + new
        lines = _lines([row.get(name, "") for name in columns] for row in kept)
        if new:
            write_whole(self.path, self._widened(columns) + lines)
            self.columns = columns
            return
        # One write of whole lines: a process killed here leaves a line or none.
        append_whole(self.path, lines.encode())

    def rows(self) -> list[dict[str, str]]:
        """The rows so far, as text; empty cells are missing values."""
        if not self.columns:
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def _widened(self, columns: list[str]) -> str:
        """The file's text under a longer header."""
        before = ([row.get(name) or "" for name in columns] for row in self.rows())
        return _lines([columns, *before])


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _repaired_header(path: Path) -> list[str]:
    """The columns of a table, whose unfinished last line is cut off."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        write_whole(path, whole.decode("utf-8", "replace"))
    return next(csv.reader(whole.decode("utf-8", "replace").splitlines()[:1]), [])


def last_number(path: Path, column: str) -> int | None:
    """The largest whole number in a column of a table; None where there is no such file, column or number."""
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            cells = [row.get(column) or "" for row in csv.DictReader(file)]
    except (OSError, csv.Error):
        return None
    return max((int(cell) for cell in cells if cell.isdecimal()), default=None)
