"""Tables of which the names of the files say what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from traindiag.model.frame import Series
from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.epochs import attempts_by_axis
from traindiag.readers.parsing.file_names import named_of
from traindiag.readers.parsing.layouts import layout_of
from traindiag.readers.parsing.splits import within
from traindiag.readers.parsing.tables import Table, read_table

if TYPE_CHECKING:
    from traindiag.readers.parsing.epochs import Attempt

_MOST_LISTED = 8


class NamedTable(Reader):
    """Tables whose names say what they hold: a file a split (``train.csv`` beside ``val.csv``, also in folders of such
    names, CatBoost's ``learn_error.tsv`` and ``test_error.tsv``), or a file a metric (what TensorBoard lets you
    download, ``run-train-tag-epoch_loss.csv``, and DVCLive's ``plots/metrics/train/loss.tsv``).

    Recognised by columns of metrics of which none tells its split, or a single column of values, in a file whose
    name or folder does. Files that are alike but for that word are one run.
    """

    name = "named-table"
    precedence = 26

    def fit(self, file: LogFile) -> Fit:
        return Fit.NO if named_of(file) is None else Fit.CONTENT

    def groups(self, files: Sequence[LogFile]) -> Iterable[Sequence[LogFile]]:
        runs: dict[str, list[LogFile]] = defaultdict(list)
        for file in files:
            named = named_of(file)
            runs[file.where if named is None else named.run].append(file)
        return runs.values()

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        parts: dict[str, list[Series]] = defaultdict(list)
        digests: list[bytes] = []
        damage: list[Damage] = []
        details: dict[str, str] = {}
        told: list[str] = []
        alone = len(files) == 1
        for file in files:
            layout, named = layout_of(file), named_of(file)
            if layout is None or named is None:
                raise file.unreadable(
                    "no table of metrics whose name tells what it holds", "choose another reader"
                )
            table = read_table(file, layout)
            digests.append(table.digest.encode())
            damage += table.damage
            split = named.split if named.sure or not alone else "train"
            for attempt in _attempts(table, split or "train", named.metric):
                parts[attempt.label] += attempt.series
                details.update({**table.details, **attempt.details})
            told.append(f"{file.name} is {'/'.join(filter(None, (split, named.metric)))}")
        details["names"] = f"by the names of files: {', '.join(told[:_MOST_LISTED])}"
        if not parts:
            raise files[0].unreadable(
                "a header but no row of numbers", "check that the training finished an epoch"
            )
        return [
            LoggedRun(
                files=tuple(files),
                series=series,
                label=label,
                digest=digest_of(*digests),
                damage=tuple(damage),
                details=details,
            )
            for label, series in parts.items()
        ]


def _attempts(table: Table, split: str, metric: str) -> list[Attempt]:
    bare = metric.removeprefix("epoch_")
    names = {name: within(split, bare or name) for name in table.columns}
    return attempts_by_axis(table, names=names, counts_epochs=bare != metric)
