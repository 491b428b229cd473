"""Charts that Weights & Biases exports as CSV: one metric of several runs a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from traindiag.model.frame import Series
from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.epochs import EPOCH_NAMES, STEP_NAMES, attempts_by_axis
from traindiag.readers.parsing.layouts import Layout, layout_of
from traindiag.readers.parsing.tables import read_table

_BETWEEN = " - "
_BOUNDS = ("__MIN", "__MAX")


class WandbCharts(Reader):
    """CSV exports of charts of Weights & Biases: ``"Step","quiet-fox-1 - val_loss","quiet-fox-1 - val_loss__MIN",...``.

    Recognised by such pairs of columns. Each name before the dash is a run; files of one folder are put together,
    since a chart has one metric. The bounds of grouped and smoothed charts are left out.
    """

    name = "wandb-charts"
    precedence = 23

    def fit(self, file: LogFile) -> Fit:
        layout = layout_of(file)
        return Fit.SURE if layout is not None and _columns(layout) else Fit.NO

    def groups(self, files: Sequence[LogFile]) -> Iterable[Sequence[LogFile]]:
        folders: dict[str, list[LogFile]] = defaultdict(list)
        for file in files:
            folders[file.where[: len(file.where) - len(file.name)]].append(file)
        return folders.values()

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        series: dict[str, list[Series]] = defaultdict(list)
        sources: dict[str, dict[LogFile, str]] = defaultdict(dict)
        damage: list[Damage] = []
        for file in files:
            layout = layout_of(file)
            if layout is None:
                raise file.unreadable("no header line with the names of runs", "choose another reader")
            columns = _columns(layout)
            table = read_table(file, layout)
            damage += table.damage
            axes = [name for name in table.columns if name.lower() in (*EPOCH_NAMES, *STEP_NAMES)]
            for run, names in columns.items():
                kept = {
                    name: column for name, column in table.columns.items() if name in names or name in axes
                }
                for attempt in attempts_by_axis(replace(table, columns=kept), names=names):
                    series[run] += attempt.series
                    sources[run][file] = table.digest
        if not series:
            raise files[0].unreadable("a header but no row of numbers", "export the chart again")
        return [
            LoggedRun(
                files=tuple(sources[run]),
                series=found,
                label=run if len(series) > 1 else "",
                digest=digest_of(*(digest.encode() for digest in sources[run].values()), run.encode()),
                damage=tuple(damage),
                details={"run": f"{run}, by the names of columns"},
            )
            for run, found in series.items()
        ]


def _columns(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    """Of each run the metric that a column holds."""
    runs: dict[str, dict[str, str]] = defaultdict(dict)
    for name in layout.names:
        run, between, metric = name.rpartition(_BETWEEN)
        if between and not metric.startswith("_") and all(name + bound in layout.names for bound in _BOUNDS):
            runs[run][name] = metric
    return runs
