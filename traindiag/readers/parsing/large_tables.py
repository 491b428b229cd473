"""The fast path for large regular tables: pandas' C parser, and proof that nothing was glossed over."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.base import digest_of
from traindiag.readers.parsing.tables import Column, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINE_END = re.compile(rb"\r*\n|\r")
_NAN_WORD = re.compile(rb"nan", re.I)
_BLANKS = ["", "NA", "N/A", "n/a", "#na#", "#N/A", "None", "none", "null", "NULL", "<NA>"]
_NANS = ["nan", "NaN", "-nan", "-NaN", "NAN"]


def digest_beside(data: bytes) -> Callable[[], str]:
    """Starts the digest of `data` in a thread (hashing runs beside the parser) and gives a way to wait for it."""
    result: list[str] = []
    thread = threading.Thread(target=lambda: result.append(digest_of(data)), daemon=True)
    thread.start()

    def wait() -> str:
        thread.join()
        return result[0]

    return wait


def read_regular(data: bytes, layout: Layout) -> dict[str, Column] | None:
    """The numeric columns of a table without oddities; None where the careful path must look.

    Args:
        data: the whole file.
        layout: as sniffed from its beginning.
    """
    if layout.encoding.startswith("utf-16") or not data.endswith((b"\n", b"\r")):
        return None
    import pandas as pd

    above, body = _above(data, layout)
    wanted = [index for index, kind in enumerate(layout.kinds) if kind != "word"]
    try:
        frame = pd.read_csv(
            io.BytesIO(data),
            sep=layout.separator,
            decimal=layout.decimal,
            header=None,
            names=list(range(len(layout.names))),
            usecols=wanted,
            skiprows=above,
            index_col=False,
            dtype=np.float64,
            engine="c",
            encoding="latin-1" if layout.encoding == "latin-1" else "utf-8",
            keep_default_na=False,
            na_values=_BLANKS + _NANS,
            on_bad_lines="error",
        )
    except (ValueError, OverflowError, UnicodeError, pd.errors.ParserError):
        return None
    columns: dict[str, Column] = {}
    gaps = False
    for index in wanted:
        array: NDArray[np.float64] = frame[index].to_numpy()
        blank = np.isnan(array)
        known = None if not blank.any() else ~blank
        gaps = gaps or known is not None
        if known is None or known.any():
            columns[layout.names[index]] = Column(value=array, known=known)
    if gaps and not _only_blanks(data, body, layout, len(frame)):
        return None
    return columns


def _above(data: bytes, layout: Layout) -> tuple[int, int]:
    """How many lines there are down to the header and with it, and where they end."""
    seen, at, count = -1, 0, 0
    while seen < layout.header and (found := _LINE_END.search(data, at)) is not None:
        seen += bool(data[at : found.start()].strip(b" \t\xef\xbb\xbf"))
        # pandas takes each carriage return for a line end of its own.
        count += found[0].count(b"\r") or 1
        at = found.end()
    return count, at


def _only_blanks(data: bytes, body: int, layout: Layout, rows: int) -> bool:
    """Whether every gap is a blank cell: no NaN was written, and no row ends early."""
    separators = data.count(layout.separator.encode(), body)
    return separators == rows * (len(layout.names) - 1) and _NAN_WORD.search(data, body) is None
