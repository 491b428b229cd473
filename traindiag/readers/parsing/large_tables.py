"""The fast path for large regular tables: pandas' C parser, and proof that nothing was glossed over."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.parsing.tables import Column, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAN_WORD = re.compile(rb"nan", re.I)
_BLANKS = ["", "NA", "N/A", "n/a", "#na#", "#N/A", "None", "none", "null", "NULL", "<NA>"]
_NANS = ["nan", "NaN", "-nan", "-NaN", "NAN"]


def read_regular(data: bytes, layout: Layout) -> dict[str, Column] | None:
    """The numeric columns of a table without oddities; None where the careful path must look.

    Args:
        data: the whole file.
        layout: as sniffed from its beginning.
    """
    if layout.encoding.startswith("utf-16") or not data.endswith((b"\n", b"\r")):
        return None
    import pandas as pd

    wanted = [index for index, numeric in enumerate(layout.numeric) if numeric]
    start = _body_start(data, layout)
    try:
        frame = pd.read_csv(
            io.BytesIO(memoryview(data)[start:]),
            sep=layout.separator,
            decimal=layout.decimal,
            header=None,
            names=list(range(len(layout.names))),
            usecols=wanted,
            index_col=False,
            engine="c",
            encoding="latin-1",
            keep_default_na=False,
            na_values=_BLANKS + _NANS,
            on_bad_lines="error",
            low_memory=False,
        )
    except (ValueError, OverflowError, UnicodeError, pd.errors.ParserError):
        return None
    columns: dict[str, Column] = {}
    gaps = False
    for index in wanted:
        values = frame[index]
        if values.dtype.kind not in "fi":
            return None
        array: NDArray[np.float64] = values.to_numpy(dtype=np.float64)
        blank = np.isnan(array)
        gaps = gaps or bool(blank.any())
        columns[layout.names[index]] = (
            Column(value=array, known=~blank) if blank.any() else Column(value=array)
        )
    if gaps and not _only_blanks(data, start, layout, len(frame)):
        return None
    return columns


def _body_start(data: bytes, layout: Layout) -> int:
    """Offset of the first byte after the header line."""
    seen, at = -1, 0
    line_end = re.compile(rb"\r*\n|\r")
    while True:
        found = line_end.search(data, at)
        if found is None:
            return len(data)
        if data[at : found.start()].strip(b" \t\xef\xbb\xbf"):
            seen += 1
        at = found.end()
        if seen == layout.header:
            return at


def _only_blanks(data: bytes, start: int, layout: Layout, rows: int) -> bool:
    """Whether every gap is a blank cell: no NaN was written, and no row ends early."""
    body = data[start:]
    separators = body.count(layout.separator.encode())
    return separators == rows * (len(layout.names) - 1) and _NAN_WORD.search(body) is None
