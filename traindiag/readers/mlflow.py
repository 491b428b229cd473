"""MLflow's file store: ``mlruns/<experiment>/<run>/metrics/<name>``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from traindiag.model.frame import Series
from traindiag.model.run import Damage
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader, digest_of
from traindiag.readers.parsing.epochs import unique_name
from traindiag.readers.parsing.records import seconds
from traindiag.readers.parsing.text import decode_head, split_lines

_LINE = re.compile(r"(\d{9,16}) ([-+]?(?:\d[\d.eE+-]*|nan|inf(?:inity)?))(?: (\d{1,18})(?: .*)?)?", re.I)
_FOLDER = "metrics"
_PARAM_FOLDERS = ("params", "tags")
_MOST_PARAMS = 500
_MOST_PARAM_BYTES = 8_192


class MlflowStore(Reader):
    """MLflow's file store: one file a metric, lines of ``timestamp value step``; params and tags beside it.

    Recognised by a ``metrics`` folder and such lines in the file. Steps that count 0, 1, 2, ... are epochs
    (autologging of Keras); steps that are all 0 are no axis, and the lines are counted.
    """

    name = "mlflow"
    precedence = 25

    def fit(self, file: LogFile) -> Fit:
        if _FOLDER not in str(file.path) or _metrics_folder(file.path) is None:
            return Fit.NO
        text = decode_head(file.head)
        first = "" if text is None else next((line for line in split_lines(text) if line.strip()), "")
        return Fit.SURE if _LINE.fullmatch(first.strip()) else Fit.NO

    def groups(self, files: Sequence[LogFile]) -> Iterable[Sequence[LogFile]]:
        runs: dict[Path | None, list[LogFile]] = defaultdict(list)
        for file in files:
            runs[_metrics_folder(file.path)].append(file)
        return runs.values()

    def read(self, files: Sequence[LogFile]) -> Sequence[LoggedRun]:
        folder = _metrics_folder(files[0].path) or files[0].path.parent
        damage: list[Damage] = []
        parts: list[bytes] = []
        columns = {}
        for file in files:
            data = file.read_bytes()
            parts.append(data)
            rows = _rows(file, data, damage)
            if rows:
                columns[file.path.relative_to(folder).as_posix()] = np.array(rows, dtype=np.float64)
        if not columns:
            raise files[0].unreadable("no line of time, value and step", "check that the run logged metrics")
        as_epochs, said = _axis(columns.values())
        taken: set[tuple[str, str]] = set()
        series = [_series(name, rows, as_epochs, taken) for name, rows in columns.items()]
        return [
            LoggedRun(
                files=tuple(files),
                series=series,
                digest=digest_of(*parts),
                damage=tuple(damage),
                details={"epochs": said},
                params=_params(folder.parent),
            )
        ]


def _metrics_folder(path: Path) -> Path | None:
    """The ``metrics`` folder above a file: a metric may be called ``val/loss``, which makes folders."""
    return next((folder for folder in list(path.parents)[:4] if folder.name == _FOLDER), None)


def _rows(file: LogFile, data: bytes, damage: list[Damage]) -> list[tuple[float, float, float]]:
    rows, lost = [], 0
    lines = split_lines(data.decode("utf-8", errors="replace"))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        value = None if match is None else _number(match[2])
        if match is None or value is None or (number == len(lines) and match[3] is None):
            lost += 1
            continue
        rows.append((float(match[1]), value, float(match[3] or 0)))
    if lost:
        damage.append(
            Damage(path=file.shown, place="some lines", what="not time, value and step", records=lost, size=0)
        )
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _axis(columns: Iterable[Any]) -> tuple[str, str]:
    """What the steps count: ``epoch``, ``step``, or nothing (``row``), and how to say so."""
    steps = [rows[:, 2] for rows in columns]
    if all((each == 0).all() for each in steps):
        return "row", "no steps in the store, lines counted from 0"
    consecutive = all(np.array_equal(np.unique(each), np.arange(len(np.unique(each)))) for each in steps)
    if consecutive:
        return "epoch", "steps count 0, 1, 2, ...: taken as epochs"
    return "step", "none in the store: judged by step"


def _series(name: str, rows: Any, axis: str, taken: set[tuple[str, str]]) -> Series:
    order = np.argsort(rows[:, 0], kind="stable")
    stamp, value, step = rows[order].T
    count = np.arange(len(value)) if axis == "row" else step
    return Series(
        *unique_name(name, taken),
        value,
        epoch=None if axis == "step" else count,
        step=count if axis == "step" else None,
        wall_time=[seconds(each) or np.nan for each in stamp.tolist()],
    )


def _params(run: Path) -> dict[str, str]:
    """Parameters and tags of a run, tags as ``tag/name``; links and oversized files are passed over."""
    params: dict[str, str] = {}
    for kind in _PARAM_FOLDERS:
        folder = run / kind
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in sorted(folder.rglob("*"))[:_MOST_PARAMS]:
            try:
                if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_PARAM_BYTES:
                    continue
                text = path.read_text("utf-8", errors="replace").strip()
            except OSError:
                continue
            name = path.relative_to(folder).as_posix()
            params[name if kind == "params" else f"tag/{name}"] = text
    return params
