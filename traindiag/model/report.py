"""Reports: what is said of one run, and of all runs of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from traindiag.model.curve import Curve
from traindiag.model.effort import Effort
from traindiag.model.finding import Finding, Outcome, Verdict
from traindiag.model.run import Source
from traindiag.model.trend import Trend

SCHEMA = "traindiag.report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best epoch of a run by `monitor` (``val_loss``, or ``loss`` without validation)."""

    monitor: str
    epoch: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that should have been a log but could not be read."""

    path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunReport:
    """Everything said of one run.

    Attributes:
        name, source: as in `Run`.
        epochs: number of epochs with at least one value (bins of steps when the log has no epochs).
        metrics: bare names, sorted.
        splits: those of train, val, test that have data.
        verdict: exactly one.
        best: best epoch; None when no loss is logged.
        trends: one per judged loss series.
        findings: the verdict's own finding first, then the others, most severe first.
        skipped, errored: rules that could not judge, with the reason.
        curves: per-epoch values, for drawing; not part of the JSON.
        effort: epochs and seconds, and how many came after the best epoch; not part of the JSON.
        params: plain hyper-parameters by name, from the log, files beside it, or the run's name; not part of the JSON.
    """

    name: str
    source: Source
    epochs: int
    metrics: tuple[str, ...]
    splits: tuple[str, ...]
    verdict: Verdict
    best: Best | None
    trends: tuple[Trend, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Outcome, ...]
    errored: tuple[Outcome, ...]
    curves: tuple[Curve, ...] = ()
    effort: Effort | None = None
    params: Mapping[str, float | str | bool] = field(default_factory=dict)

    def curve(self, split: str, metric: str) -> Curve | None:
        """The curve of one series, None when it was not logged."""
        return next((c for c in self.curves if c.split == split and c.metric == metric), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """The reports of all runs of one call, in the order they were found."""

    runs: tuple[RunReport, ...]
    unreadable: tuple[Unreadable, ...] = ()
    version: str = ""
    schema: str = SCHEMA

    # Set by `traindiag.api`: rendering lives above this room, which must not import it.
    html_renderer: ClassVar[Callable[[Report], str] | None] = None

    def _repr_html_(self) -> str | None:
        return None if Report.html_renderer is None else Report.html_renderer(self)
