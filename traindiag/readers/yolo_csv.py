"""Ultralytics' ``results.csv`` (YOLOv5 and later)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from traindiag.model.frame import Series
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader
from traindiag.readers.parsing.epochs import attempts_of
from traindiag.readers.parsing.layouts import layout_of
from traindiag.readers.parsing.tables import Column, Table, read_table

_PARTS = ("box_loss", "cls_loss", "dfl_loss", "obj_loss", "seg_loss", "pose_loss", "kobj_loss", "angle_loss")


class YoloCsv(Reader):
    """Ultralytics' ``results.csv``: ``epoch, train/box_loss, ..., metrics/mAP50(B), val/box_loss, lr/pg0``.

    Recognised by ``train/...loss`` beside ``metrics/...`` columns. ``metrics/`` are those of the validation
    set. The loss of a split is the sum of its parts, as Ultralytics adds them up. Newer versions count epochs
    from 1: shifted to 0.
    """

    name = "yolo-csv"
    precedence = 20

    def fit(self, file: LogFile) -> Fit:
        layout = layout_of(file)
        if layout is None:
            return Fit.NO
        names = layout.names
        parts = any(name.startswith("train/") and name.endswith("loss") for name in names)
        return Fit.SURE if parts and any(name.startswith("metrics/") for name in names) else Fit.NO

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        [file] = files
        layout = layout_of(file)
        if layout is None:
            raise file.unreadable("no header line with train/ and metrics/ columns", "choose another reader")
        table = read_table(file, layout)
        added: dict[str, str] = {}
        table = replace(table, columns={**_totals(table, added), **table.columns})
        runs = attempts_of(table, axis_names=("epoch",), names=_meanings(table))
        if not runs:
            raise file.unreadable(
                "a header but no row of numbers", "check that the training finished an epoch"
            )
        return [
            LoggedRun(
                files=(file,),
                series=_zero_based(run.series, added),
                label=run.label,
                digest=table.digest,
                damage=table.damage,
                details={**table.details, **run.details, **added},
            )
            for run in runs
        ]


def _totals(table: Table, details: dict[str, str]) -> dict[str, Column]:
    """The loss of each split: the sum of its parts."""
    totals = {}
    for split in ("train", "val"):
        parts = [f"{split}/{part}" for part in _PARTS if f"{split}/{part}" in table.columns]
        if not parts or f"{split}/loss" in table.columns:
            continue
        known = [table.columns[part].known for part in parts]
        everywhere = [np.ones(table.rows, dtype=bool) if each is None else each for each in known]
        value = np.sum([table.columns[part].value for part in parts], axis=0)
        totals[f"{split}/loss"] = Column(value=value, known=np.logical_and.reduce(everywhere))
        details[f"{split}/loss"] = f"sum of {', '.join(parts)}"
    return totals


def _meanings(table: Table) -> dict[str, str]:
    names = {
        name: f"val/{name.removeprefix('metrics/')}" for name in table.columns if name.startswith("metrics/")
    }
    rates = [name for name in table.columns if name.startswith(("x/lr", "lr/pg"))]
    return {**names, **{name: "lr" if i == 0 else name for i, name in enumerate(rates)}}


def _zero_based(series: Sequence[Series], details: dict[str, str]) -> Sequence[Series]:
    first = min((int(each.epoch.min()) for each in series if each.epoch is not None and len(each)), default=0)
    if first != 1:
        return series
    details["epochs"] = "one-based in the file, shifted to 0"
    return [
        Series(each.split, each.metric, each.value, epoch=None if each.epoch is None else each.epoch - 1)
        for each in series
    ]
