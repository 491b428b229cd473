"""The fast path for large regular tables: pandas' C parser, and proof that nothing was glossed over."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.base import LogFile, digest_of
from traindiag.readers.parsing.layouts import Layout
from traindiag.readers.parsing.tables import Column

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_BLOCK = 1 << 18
_LINE_END = re.compile(rb"\r*\n|\r")
_NAN_WORD = re.compile(rb"nan", re.I)
_BLANKS = ["", "NA", "N/A", "n/a", "#na#", "#N/A", "None", "none", "null", "NULL", "<NA>"]
_NANS = ["nan", "NaN", "-nan", "-NaN", "NAN"]


def read_regular(file: LogFile, layout: Layout) -> tuple[dict[str, Column], str] | None:
    """The numeric columns of a large table without oddities, and its digest.

    The file is never held: peak memory is that of the columns.

    Returns:
        None where the careful path must look: rows of another width, header lines in between, words among
        numbers, NaN beside blank cells, a last line without an end.
    """
    if layout.encoding.startswith("utf-16") or not _ends_with_line(file):
        return None
    above, body = _above(file.head, layout)
    frame = parse(io.BytesIO(file.read_bytes()) if file.in_memory else file.path, layout, above)
    if frame is None:
        return None
    columns: dict[str, Column] = {}
    gaps = False
    for index in _wanted(layout):
        array: NDArray[np.float64] = frame[index].to_numpy()
        blank = np.isnan(array)
        known = ~blank if blank.any() else None
        gaps = gaps or known is not None
        if known is None or known.any():
            columns[layout.names[index]] = Column(value=array, known=known)
    if gaps and not _only_blanks(file, body, layout, len(frame)):
        return None
    return columns, _digest(file.size, columns)


def _digest(size: int, columns: Mapping[str, Column]) -> str:
    """Over the size of the file and checksums of its columns, which are in memory; the file is not."""
    parts = [str(size).encode()]
    for name, column in columns.items():
        values = np.ascontiguousarray(column.value)
        sums = [zlib.crc32(values[at : at + _BLOCK].data) for at in range(0, len(values), _BLOCK)]
        parts.append(struct.pack(f"<{len(sums)}I", *sums) + name.encode())
    return digest_of(*parts)


def parse(
    source: Path | io.BytesIO, layout: Layout, above: int, *, skip_blank_lines: bool = True
) -> pd.DataFrame | None:
    """The columns that are no words, as float64 and called by their index; None where one is no number."""
    import pandas as pd

    wanted = _wanted(layout)
    try:
        with warnings.catch_warnings():
            # Cells beyond the last name are dropped with a warning only.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                source,
                sep=layout.separator,
                decimal=layout.decimal,
                header=None,
                names=list(range(len(layout.names))),
                usecols=None if len(wanted) == len(layout.names) else wanted,
                skiprows=above,
                index_col=False,
                dtype=np.float64,
                engine="c",
                compression=None,
                encoding="latin-1" if layout.encoding == "latin-1" else "utf-8",
                keep_default_na=False,
                na_values=_BLANKS + _NANS,
                skip_blank_lines=skip_blank_lines,
                on_bad_lines="error",
            )
    except (ValueError, OverflowError, UnicodeError, pd.errors.ParserError, pd.errors.ParserWarning):
        return None


def _wanted(layout: Layout) -> list[int]:
    return [index for index, kind in enumerate(layout.kinds) if kind != "word"]


def _ends_with_line(file: LogFile) -> bool:
    try:
        with file.open() as opened:
            opened.seek(-1, io.SEEK_END)
            return opened.read(1) in (b"\n", b"\r")
    except OSError:
        return False


def _above(head: bytes, layout: Layout) -> tuple[int, int]:
    """How many lines there are down to the header and with it, and where they end."""
    seen, at, count = -1, 0, 0
    while seen < layout.header and (found := _LINE_END.search(head, at)) is not None:
        seen += bool(head[at : found.start()].strip(b" \t\xef\xbb\xbf"))
        # pandas takes each carriage return for a line end of its own.
        count += found[0].count(b"\r") or 1
        at = found.end()
    return count, at


def _only_blanks(file: LogFile, body: int, layout: Layout, rows: int) -> bool:
    """Whether every gap is a blank cell: no NaN was written, and no row ends early."""
    separator = layout.separator.encode()
    separators, last = 0, b""
    with file.open() as opened:
        opened.seek(body)
        while block := opened.read(_BLOCK):
            separators += block.count(separator)
            if _NAN_WORD.search(last + block):
                return False
            last = block[-2:]
    return separators == rows * (len(layout.names) - 1)
