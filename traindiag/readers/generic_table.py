"""Tables of no known writer whose columns look like metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from traindiag.model.names import split_and_metric
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader
from traindiag.readers.parsing.epochs import EPOCH_NAMES, STEP_NAMES, attempts_by_axis
from traindiag.readers.parsing.file_names import named_of
from traindiag.readers.parsing.histories import looks_like_metric
from traindiag.readers.parsing.layouts import Layout, iter_names, layout_of
from traindiag.readers.parsing.long_tables import keys_of
from traindiag.readers.parsing.splits import untold_as_validation
from traindiag.readers.parsing.tables import read_table


class GenericTable(Reader):
    """Any CSV or TSV with a column of epochs or steps and columns named like metrics.

    Recognised by its header only, so other readers go first. What was guessed is in the details; names that
    cannot be guessed are given with ``--map NAME=MEANING``, such as ``--map trn=loss --map dev=val_loss``.
    """

    name = "generic-table"
    precedence = 25

    def fit(self, file: LogFile) -> Fit:
        layout = layout_of(file)
        if layout is None or keys_of(file) is not None or named_of(file) is not None:
            return Fit.NO
        return Fit.CONTENT if _looks_like_log(layout, renamed=bool(file.names)) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout = layout_of(file)
        if layout is None:
            raise file.unreadable("no header line with names above numbers", "add a header line")
        table = read_table(file, layout)
        names = untold_as_validation(table.columns)
        runs = attempts_by_axis(table, names=names)
        if not runs:
            raise file.unreadable("no column of numbers", "check the separator and the header line")
        details = {"columns": f"guessed by their names: {', '.join(_read_as(table.columns, names))}"}
        return [
            LoggedRun(
                files=(file,),
                series=run.series,
                label=run.label,
                digest=table.digest,
                damage=table.damage,
                details={**table.details, **run.details, **details},
            )
            for run in runs
        ]


@lru_cache(maxsize=64)
def _looks_like_log(layout: Layout, *, renamed: bool) -> bool:
    axis = any(name.lower() in (*EPOCH_NAMES, *STEP_NAMES) for name in layout.names)
    metrics = any(_is_metric(name) for name in iter_names(layout))
    return metrics and (axis or renamed or _all_metrics(layout))


def _is_metric(name: str) -> bool:
    return looks_like_metric(split_and_metric(name)[1])


def _all_metrics(layout: Layout) -> bool:
    """Nothing but numbers, and every one a metric of which one is a loss."""
    names = [name for name in layout.names if name]
    return (
        set(layout.kinds) == {"number"}
        and all(map(_is_metric, names))
        and any("loss" in name.lower() for name in names)
    )


def _read_as(columns: Iterable[str], names: Mapping[str, str]) -> list[str]:
    said = []
    for name in columns:
        split, metric = split_and_metric(names.get(name, name))
        if name.lower() not in (*EPOCH_NAMES, *STEP_NAMES, ""):
            said.append(f"{name} as {split}/{metric}")
    return said
