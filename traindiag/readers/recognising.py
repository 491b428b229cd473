"""Which reader knows a file: every reader is asked, but for tables laid out like one met before."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from traindiag.readers.base import Fit, LogFile, Reader
from traindiag.readers.parsing.file_names import tells_split
from traindiag.readers.parsing.layouts import Layout, layout_of, plain_of, take_layout

_MOST_LAYOUTS = 1_000


class Recogniser:
    """Tells the format of files of one call.

    Tables of one header in which nothing but numbers stands below it differ in the numbers only: what was found
    out about the first holds for all. A folder of a thousand runs is asked about once.
    """

    def __init__(self, readers: Iterable[Reader]) -> None:
        self.readers = tuple(readers)
        self._alike: dict[tuple[bytes, str, bool], tuple[Reader, Layout]] = {}

    def reader_of(self, file: LogFile) -> Reader | None:
        """The reader whose format the file has; None where no reader knows it.

        Raises:
            UnreadableError: two readers fit equally well, or the file cannot be opened.
        """
        plain = plain_of(file)
        if plain is None:
            return self._asked(file)[0]
        # A name that tells the split is a reason to read the same header otherwise.
        key = plain.header, os.path.splitext(file.name)[1], tells_split(file.where)
        known = self._alike.get(key)
        if known is not None:
            take_layout(file, known[1])
            return known[0]
        reader, fit = self._asked(file)
        layout = layout_of(file)
        # A fit that rests on more than the header, such as the file's place, says nothing of other files.
        sure = fit is Fit.SURE and layout is not None and layout.of_numbers
        if sure and reader is not None and layout is not None and len(self._alike) < _MOST_LAYOUTS:
            self._alike[key] = reader, layout
        return reader

    def _asked(self, file: LogFile) -> tuple[Reader | None, Fit]:
        fits: dict[Fit, list[Reader]] = defaultdict(list)
        for reader in self.readers:
            fits[reader.fit(file)].append(reader)
        best = max(fits)
        if best is Fit.NO:
            return None, best
        if len(fits[best]) > 1:
            tied = " and ".join(sorted(reader.name for reader in fits[best]))
            raise file.unreadable(f"fits {tied} equally well", "choose one with --reader NAME")
        return fits[best][0], best
