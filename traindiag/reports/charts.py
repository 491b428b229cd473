"""Which charts a run has: loss, the gap between the splits, other metrics, the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from traindiag.analysis.drawable import drawable
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding
from traindiag.model.names import LEARNING_RATE, is_loss
from traindiag.model.report import RunReport
from traindiag.plots.base import loss_name

SPIKES = "loss-spike"
LOG_DECADES = 3.0
NUMBERED = 3
"""How many pieces of the verdict's evidence are marked on the curves and numbered in the text."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One curve of a chart, thinned out.

    Attributes:
        name: ``train``, ``val`` or ``val - train``.
        kind: what it is drawn as: train, val, test or gap.
        epoch: int64, shape (n,).
        value: float64, shape (n,); NaN where the log had NaN, infinity or something absurd.
    """

    name: str
    kind: str
    epoch: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """What lies between the lowest and the highest of several curves.

    Attributes:
        kind: that of the line in its middle.
        epoch: int64, shape (n,).
        low, high: float64, shape (n,); NaN where there is nothing.
    """

    kind: str
    epoch: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of evidence on a chart: its number in the text and the part of a line it is about.

    Attributes:
        quiet: whether it shows only while somebody points at its text.
    """

    number: int
    kind: str
    first: int
    last: int
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """What one picture shows.

    Attributes:
        title: of the picture.
        axis: what the horizontal axis counts.
        lines: the curves.
        best: epoch and value to mark; None where the chart is not about the monitored metric.
        window: first and last epoch that were judged; None likewise.
        spans: evidence to mark.
        areas: what to shade behind the lines.
        target: a value to mark, None for none.
        can_log: whether there is a logarithmic view too; all values are positive then.
        log: whether a logarithmic axis is the better first view.
    """

    title: str
    axis: str
    lines: tuple[Line, ...]
    best: tuple[int, float] | None = None
    window: tuple[int, int] | None = None
    spans: tuple[Span, ...] = ()
    areas: tuple[Area, ...] = ()
    target: float | None = None
    can_log: bool = False
    log: bool = False


def charts_of(run: RunReport, points: int, metrics: int = 4, *, quiet: bool = True) -> list[Chart]:
    """The charts of a run, the loss first.

    Args:
        run: a run with curves.
        points: about how many points a line may have.
        metrics: how many metrics to show besides loss and learning rate.
        quiet: whether evidence of lesser findings is on the charts too, to be shown when it is pointed at.
    """
    loss = loss_name(run)
    charts = [chart_of_loss(run, points, quiet=quiet)]
    gap = _gap(run.curve("train", loss), run.curve("val", loss))
    if gap is not None:
        line = Line(name="val - train", kind="gap", epoch=gap[0], value=gap[1])
        charts.append(_chart("generalisation gap", [_thin(line, points)], "epoch"))
    others = [metric for metric in _other_metrics(run, loss) if metric != LEARNING_RATE][:metrics]
    for metric in [*others, LEARNING_RATE]:
        lines, axis = _lines(run, metric, points)
        chart = _chart(metric, lines, axis)
        charts.append(replace(chart, spans=_spans(run, metric, quiet=quiet)))
    return [chart for chart in charts if chart.lines]


def small_chart(run: RunReport, points: int) -> Chart:
    """The loss alone, for a table of runs."""
    lines, axis = _lines(run, loss_name(run), points)
    return _chart("loss", lines, axis)


def chart_of_loss(run: RunReport, points: int, *, quiet: bool = True) -> Chart:
    """The loss with everything the verdict rests on."""
    metric = loss_name(run)
    lines, axis = _lines(run, metric, points)
    plain = _chart(metric, lines, axis)
    windows = [trend.epochs for trend in run.trends]
    best = run.best if run.best is not None and np.isfinite(run.best.value) else None
    return replace(
        plain,
        best=None if best is None else (int(best.epoch), float(best.value)),
        window=(min(w[0] for w in windows), max(w[1] for w in windows)) if windows else None,
        spans=_spans(run, metric, quiet=quiet),
    )


def numbered_evidence(run: RunReport) -> list[tuple[Finding, Evidence, int, bool]]:
    """Every piece of evidence with its number, and whether its place is marked at all times.

    Marked is what the verdict rests on, and every jump of the loss.
    """
    own = next((each for each in run.findings if each.rule == run.verdict.rule), None)
    ordered = [each for each in run.findings if each is own] + [
        each for each in run.findings if each is not own
    ]
    pairs = [(finding, at, evidence) for finding in ordered for at, evidence in enumerate(finding.evidence)]
    return [
        (finding, evidence, number, (finding is own and at < NUMBERED) or finding.rule == SPIKES)
        for number, (finding, at, evidence) in enumerate(pairs, 1)
    ]


def _spans(run: RunReport, metric: str, *, quiet: bool) -> tuple[Span, ...]:
    return tuple(
        Span(number=number, kind=split, first=int(each.epochs[0]), last=int(each.epochs[1]), quiet=not marked)
        for _, each, number, marked in numbered_evidence(run)
        for split, _, name in [each.series.partition("/")]
        if name == metric and (marked or quiet)
    )


def _lines(run: RunReport, metric: str, points: int) -> tuple[list[Line], str]:
    curves = [curve for split in ("train", "val", "test") if (curve := run.curve(split, metric)) is not None]
    curves = [curve for curve in curves if len(curve)]
    lines = [
        Line(name=curve.split, kind=curve.split, epoch=curve.epoch, value=_drawable(curve.value))
        for curve in curves
    ]
    axis = "epoch" if all(curve.axis == "epoch" for curve in curves) else "step"
    return [_thin(line, points) for line in lines], axis


def _drawable(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(drawable(value), value, np.nan)


def _chart(title: str, lines: Sequence[Line], axis: str) -> Chart:
    can_log, log = axes_for(title, [line.value for line in lines])
    return Chart(title=title, axis=axis, lines=tuple(lines), can_log=can_log, log=log)


def axes_for(title: str, values: Sequence[NDArray[np.float64]]) -> tuple[bool, bool]:
    """Whether a logarithmic axis is offered for what is drawn, and whether it is the better first view."""
    joined = np.concatenate(values) if values else np.empty(0)
    joined = joined[np.isfinite(joined)]
    positive = bool(len(joined)) and bool(joined.min() > 0)
    wide = positive and bool(np.log10(joined.max()) - np.log10(joined.min()) > LOG_DECADES)
    # A second view costs room: it is offered where people look for one.
    wanted = is_loss(title) or title == LEARNING_RATE
    return wide or (positive and wanted), wide


def _gap(train: Curve | None, val: Curve | None) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Validation minus training loss at the epochs both have."""
    if train is None or val is None:
        return None
    epoch, at_train, at_val = np.intersect1d(train.epoch, val.epoch, return_indices=True)
    if not len(epoch):
        return None
    return epoch, _drawable(val.value)[at_val] - _drawable(train.value)[at_train]


def _other_metrics(run: RunReport, loss: str) -> list[str]:
    """Metrics with both splits first: they tell more."""
    splits: dict[str, set[str]] = {}
    for curve in run.curves:
        if curve.metric != loss:
            splits.setdefault(curve.metric, set()).add(curve.split)
    return sorted(splits, key=lambda metric: (-len(splits[metric]), metric))


def _thin(line: Line, points: int) -> Line:
    """The line with at most about `points` points: lowest, highest and first broken one of each stretch."""
    length = len(line.value)
    if length <= points:
        return line
    edges = np.linspace(0, length, max(2, points // 2) + 1).astype(int)
    kept = {0, length - 1}
    for start, stop in pairwise(edges.tolist()):
        part = line.value[start:stop]
        broken = np.flatnonzero(np.isnan(part))
        if len(broken):
            kept.add(start + int(broken[0]))
        if len(broken) < len(part):
            kept.update((start + int(np.nanargmin(part)), start + int(np.nanargmax(part))))
    index = np.array(sorted(kept))
    return Line(name=line.name, kind=line.kind, epoch=line.epoch[index], value=line.value[index])
