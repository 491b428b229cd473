"""The fast path for large regular tables: pandas' C parser, and proof that nothing was glossed over."""

from __future__ import annotations

import io
import mmap
import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.base import LogFile, digest_of
from traindiag.readers.parsing.tables import Column, Layout

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_BLOCK = 1 << 18
_LINE_END = re.compile(rb"\r*\n|\r")
_NAN_WORD = re.compile(rb"nan", re.I)
_BLANKS = ["", "NA", "N/A", "n/a", "#na#", "#N/A", "None", "none", "null", "NULL", "<NA>"]
_NANS = ["nan", "NaN", "-nan", "-NaN", "NAN"]


def digest_of_large(data: bytes | mmap.mmap) -> str:
    """The digest of a large file: over the checksums of its blocks, at a fraction of the cost of its bytes."""
    view = memoryview(data)
    sums = [zlib.crc32(view[at : at + _BLOCK]) for at in range(0, len(view), _BLOCK)]
    size = len(view)
    view.release()
    return digest_of(struct.pack(f"<Q{len(sums)}I", size, *sums))


def read_regular(file: LogFile, layout: Layout) -> tuple[dict[str, Column], str] | None:
    """The numeric columns of a large table without oddities, and its digest.

    The file is mapped, not held: peak memory is that of the columns.

    Returns:
        None where the careful path must look: rows of another width, header lines in between, words among
        numbers, NaN beside blank cells, a last line without an end.
    """
    if layout.encoding.startswith("utf-16"):
        return None
    if file.in_memory:
        data = file.read_bytes()
        columns = _columns(data, io.BytesIO(data), layout)
        return None if columns is None else (columns, digest_of_large(data))
    from concurrent.futures import ThreadPoolExecutor

    try:
        with (
            file.path.open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            ThreadPoolExecutor(1) as aside,
        ):
            # Checksums are taken without the interpreter's lock, while pandas parses.
            digest = aside.submit(digest_of_large, mapped)
            columns = _columns(mapped, file.path, layout)
            return None if columns is None else (columns, digest.result())
    except (OSError, ValueError):
        return None


def _columns(data: bytes | mmap.mmap, source: Path | io.BytesIO, layout: Layout) -> dict[str, Column] | None:
    if data[-1:] not in (b"\n", b"\r"):
        return None
    above, body = _above(data, layout)
    frame = parse(source, layout, above)
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
    if gaps and not _only_blanks(data, body, layout, len(frame)):
        return None
    return columns


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


def _above(data: bytes | mmap.mmap, layout: Layout) -> tuple[int, int]:
    """How many lines there are down to the header and with it, and where they end."""
    seen, at, count = -1, 0, 0
    while seen < layout.header and (found := _LINE_END.search(data, at)) is not None:
        seen += bool(data[at : found.start()].strip(b" \t\xef\xbb\xbf"))
        # pandas takes each carriage return for a line end of its own.
        count += found[0].count(b"\r") or 1
        at = found.end()
    return count, at


def _only_blanks(data: bytes | mmap.mmap, body: int, layout: Layout, rows: int) -> bool:
    """Whether every gap is a blank cell: no NaN was written, and no row ends early."""
    separator = layout.separator.encode()
    blocks = range(body, len(data), _BLOCK)
    separators = sum(data[at : at + _BLOCK].count(separator) for at in blocks)
    return separators == rows * (len(layout.names) - 1) and _NAN_WORD.search(data, body) is None
