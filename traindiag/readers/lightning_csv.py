"""PyTorch Lightning's CSVLogger: ``metrics.csv`` with one metric in a row and blanks beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.frame import MISSING, Series
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader
from traindiag.readers.parsing.epochs import find_column, unique_name, whole_numbers
from traindiag.readers.parsing.layouts import iter_names, layout_of
from traindiag.readers.parsing.long_tables import keys_of
from traindiag.readers.parsing.tables import Table, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AXES = ("epoch", "step")


class LightningCsv(Reader):
    """PyTorch Lightning's ``metrics.csv``: sparse rows with ``epoch`` and ``step``.

    Recognised by a header with both columns. ``train_loss_epoch`` gives the epoch values of ``loss`` and
    ``train_loss_step`` becomes ``loss_step``; a metric that has only steps is averaged an epoch. Rows without
    an epoch (learning rates) get that of the next row that has one.
    """

    name = "lightning-csv"
    precedence = 20

    def fit(self, file: LogFile) -> Fit:
        layout = layout_of(file)
        if layout is None or keys_of(file) is not None:
            return Fit.NO
        names = [name.lower() for name in layout.names]
        others = [name for name in iter_names(layout) if name.lower() not in _AXES]
        return Fit.SURE if all(axis in names for axis in _AXES) and others else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout = layout_of(file)
        if layout is None:
            raise file.unreadable("no header line with epoch and step", "choose another reader")
        table = read_table(file, layout)
        details = dict(table.details)
        series = _series(table, details)
        if not series:
            raise file.unreadable(
                "a header but no value of a metric", "check that the training logged something"
            )
        return [
            LoggedRun(files=(file,), series=series, digest=table.digest, damage=table.damage, details=details)
        ]


def _series(table: Table, details: dict[str, str]) -> list[Series]:
    axes = [find_column(table.columns, [name]) for name in _AXES]
    epoch, step = (
        np.full(table.rows, MISSING, dtype=np.int64) if name is None else whole_numbers(table.columns[name])
        for name in axes
    )
    epoch, filled = _fill(epoch)
    details["epochs"] = "zero-based"
    if filled:
        details["rows without epoch"] = f"{filled} rows, given the epoch of the next row"
    names = [name for name in table.columns if name not in axes]
    taken: set[tuple[str, str]] = set()
    series = []
    for name in names:
        column = table.columns[name]
        rows = column.rows()
        bare = name.removesuffix("_epoch")
        if name.endswith("_step") and f"{name.removesuffix('_step')}_epoch" not in names:
            bare = name.removesuffix("_step")
        series.append(
            Series(*unique_name(bare, taken), column.value[rows], epoch=epoch[rows], step=step[rows])
        )
    return series


def _fill(epoch: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Epochs with the gaps filled from the next known one, else from the last before."""
    known = np.flatnonzero(epoch != MISSING)
    gaps = len(epoch) - len(known)
    if gaps == 0 or len(known) == 0:
        return epoch, 0
    following = np.searchsorted(known, np.arange(len(epoch)))
    return epoch[known[np.minimum(following, len(known) - 1)]], gaps
