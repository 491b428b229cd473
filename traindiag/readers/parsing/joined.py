"""Many small tables of one header, parsed as one: a folder of a thousand runs in the time of one table."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.frame import Series
from traindiag.readers.base import LogFile, digest_of
from traindiag.readers.parsing.epochs import Attempt, attempts_of, origin_of, rising, roles_of, unique_name
from traindiag.readers.parsing.layouts import Layout, layout_details, layout_of, plain_of, retake_layout
from traindiag.readers.parsing.tables import LARGE, Column, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The rows of several tables of one layout, one after the other.

    Attributes:
        columns: by name, float64, shape (all rows,).
        rows: of each file, the half-open range of its rows.
        details: what was inferred about the layout.
    """

    columns: Mapping[str, NDArray[np.float64]]
    rows: Mapping[LogFile, tuple[int, int]]
    details: Mapping[str, str] = field(default_factory=dict)

    def table(self, file: LogFile) -> Table:
        """The table of one file."""
        begin, end = self.rows[file]
        columns = {name: Column(value=array[begin:end]) for name, array in self.columns.items()}
        digest = digest_of(file.read_bytes())
        return Table(columns=columns, rows=end - begin, digest=digest, damage=(), details=dict(self.details))


def read_together(files: Sequence[LogFile]) -> Iterator[Joined]:
    """The tables among many small files that can be parsed in one go: plain ones of one and the same header.

    The others, and all when they are too few to pay for it, are left to `read_table`.
    """
    by_layout: dict[Layout, list[LogFile]] = defaultdict(list)
    met: dict[int, list[LogFile]] = {}
    for file in files:
        if plain_of(file) is None or (layout := layout_of(file)) is None or not layout.of_numbers:
            continue
        alike = met.get(id(layout))
        if alike is None:  # Layouts are mostly one and the same object: no need to compare them.
            alike = met[id(layout)] = by_layout[layout]
        alike.append(file)
    for layout, alike in by_layout.items():
        left = set(alike)
        for joined in _joined(alike, layout):
            yield joined
            left.difference_update(joined.rows)
        for file in left:
            retake_layout(file)


def _joined(files: Sequence[LogFile], layout: Layout) -> Iterator[Joined]:
    """The files without those that have a gap; where the parser stumbles over one, each half of them by itself."""
    if sum(len(file.head) for file in files) < LARGE:
        return
    joined = _parsed(files, layout)
    if joined is not None:
        yield joined
    elif len(files) > 1:
        yield from _joined(files[: len(files) // 2], layout)
        yield from _joined(files[len(files) // 2 :], layout)


def _parsed(files: Sequence[LogFile], layout: Layout) -> Joined | None:
    from traindiag.readers.parsing.large_tables import parse

    plain = [found for file in files if (found := plain_of(file)) is not None]
    bodies = [memoryview(file.head)[len(found.header) :] for file, found in zip(files, plain, strict=True)]
    frame = parse(io.BytesIO(b"".join(bodies)), layout, 0, skip_blank_lines=False)
    ends = list(accumulate(found.rows for found in plain))
    if frame is None or len(frame) != ends[-1]:
        return None
    columns = {name: frame[index].to_numpy() for index, name in enumerate(layout.names)}
    # A row that is too short or has a blank cell has a NaN.
    gaps = np.flatnonzero(np.logical_or.reduce([np.isnan(array) for array in columns.values()]))
    spoilt = set(np.searchsorted(ends, gaps, side="right").tolist()) if len(gaps) else ()
    ranges = zip(files, [0, *ends[:-1]], ends, strict=True)
    rows = {file: (begin, end) for i, (file, begin, end) in enumerate(ranges) if i not in spoilt}
    return Joined(columns=columns, rows=rows, details=layout_details(layout))


def attempts_of_each(
    joined: Joined, *, axis_names: Iterable[str], index_names: Iterable[str]
) -> dict[LogFile, list[Attempt]]:
    """What `attempts_of` gives for each file."""
    axis_names, index_names = tuple(axis_names), tuple(index_names)
    roles = roles_of(tuple(joined.columns), axis_names, index_names)
    if roles.epoch is None or roles.wall_time is not None or not joined.rows:
        usual = np.zeros(len(joined.rows), dtype=bool)
        epoch = np.empty(0, dtype=np.int64)
    else:
        epoch, usual = rising(joined.columns[roles.epoch], np.array(list(joined.rows.values())))
    taken: set[tuple[str, str]] = set()
    columns = [(*unique_name(name, taken), joined.columns[name]) for name in roles.metrics]
    found: dict[LogFile, list[Attempt]] = {}
    for (file, (begin, end)), simple in zip(joined.rows.items(), usual.tolist(), strict=True):
        if not simple or not columns:
            found[file] = attempts_of(joined.table(file), axis_names=axis_names, index_names=index_names)
            continue
        epochs = epoch[begin:end]
        series = tuple(
            [Series(split, metric, array[begin:end], epoch=epochs) for split, metric, array in columns]
        )
        details = {"epochs": origin_of(int(epochs[0]), named=roles.named)}
        found[file] = [Attempt(label="", series=series, details=details)]
    return found
