"""Tables of one value or one split a row."""

from __future__ import annotations

from collections.abc import Sequence

from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.layouts import layout_details, layout_of
from traindiag.readers.parsing.long_tables import keys_of, told_by_rows
from traindiag.readers.parsing.text import decode


class LongTable(Reader):
    """Tables whose rows say what they are of, as MLflow exports them and data frames are melted to.

    Recognised by a column of epochs or steps beside one of splits (``phase``, ``split``: train, val), of names of
    metrics (``metric`` beside ``value``), or of runs (``run``, ``fold``, ``seed``), each of which is a run.
    """

    name = "long-table"
    precedence = 24

    def fit(self, file: LogFile) -> Fit:
        return Fit.NO if keys_of(file) is None else Fit.SURE

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout, keys = layout_of(file), keys_of(file)
        if layout is None or keys is None:
            raise file.unreadable("no column that says what the rows are of", "choose another reader")
        data = file.read_bytes()
        told = told_by_rows(decode(data)[0], layout, keys)
        runs = [
            (f"{name} {number}".strip() if len(parts) > 1 else name, series, details)
            for name, records in told.runs.items()
            for parts in [records.found()]
            for number, (series, details) in enumerate(parts, start=1)
        ]
        if not runs:
            raise file.unreadable(
                "no row holds a value of a metric", "check the separator and the header line"
            )
        damage = [
            Damage(path=file.shown, place=f"line {told.lost[0]}", what="too few or too many cells",
                   records=len(told.lost), size=0)
        ] if told.lost else []  # fmt: skip
        columns = [layout.names[i] for i in (keys.run, keys.split, keys.metric) if i is not None]
        said = {**layout_details(layout), "rows": f"told apart by {', '.join(columns)}"}
        return [
            LoggedRun(
                files=(file,),
                series=series,
                label=label if len(runs) > 1 else "",
                digest=digest_of(data),
                damage=tuple(damage),
                details={**said, **details},
            )
            for label, series, details in runs
        ]
