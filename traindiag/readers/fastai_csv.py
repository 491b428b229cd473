"""fastai's CSVLogger: ``history.csv``."""

from __future__ import annotations

from collections.abc import Sequence

from traindiag.model.names import learning_rate_name
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader
from traindiag.readers.parsing.epochs import attempts_of
from traindiag.readers.parsing.layouts import Layout, iter_names, layout_of
from traindiag.readers.parsing.long_tables import keys_of
from traindiag.readers.parsing.tables import read_table

_COLUMNS = ("epoch", "train_loss", "valid_loss")


class FastaiCsv(Reader):
    """fastai's ``history.csv``: ``epoch,train_loss,valid_loss,<metrics>,time``.

    Recognised by those first columns. ``#na#`` and rows that end early are values that were not logged; the
    header is repeated wherever training was started again. Metrics are those of the validation set.
    """

    name = "fastai-csv"
    precedence = 20

    def fit(self, file: LogFile) -> Fit:
        layout = layout_of(file)
        return (
            Fit.SURE
            if layout is not None and layout.names[:3] == _COLUMNS and keys_of(file) is None
            else Fit.NO
        )

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout = layout_of(file)
        if layout is None:
            raise file.unreadable("no header line with epoch and train_loss", "choose another reader")
        table = read_table(file, layout, short_rows=True)
        runs = attempts_of(table, axis_names=("epoch",), names=_meanings(layout))
        if not runs:
            raise file.unreadable(
                "a header but no row of numbers", "check that the training finished an epoch"
            )
        said = {"metrics": "those without a split are fastai's, of the validation set"}
        return [
            LoggedRun(
                files=(file,),
                series=run.series,
                label=run.label,
                digest=table.digest,
                damage=table.damage,
                details={**table.details, **run.details, **said},
            )
            for run in runs
        ]


def _meanings(layout: Layout) -> dict[str, str]:
    return {
        name: f"val_{name}"
        for name in iter_names(layout)
        if name not in _COLUMNS and not name.startswith(("train_", "valid_")) and not learning_rate_name(name)
    }
