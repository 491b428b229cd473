"""What a comparison is made of: plain data, before any format lays it out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from traindiag.model.curve import Curve
from traindiag.model.names import Mode
from traindiag.model.report import Unreadable

Judgment = Literal["regressed", "improved", "same", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One quantity over the runs of a group.

    Attributes:
        values: those of the runs that have it, finite.
        missing: how many runs have none (NaN, or a target never reached).
    """

    values: tuple[float, ...]
    missing: int = 0

    @property
    def mean(self) -> float:
        """NaN without a value."""
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation over the runs; NaN with fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is known of one setting.

    Attributes:
        runs: names.
        paths: where the runs were read from, one each.
        best, final: best and last value of the metric.
        area: mean of the curve over the epochs that all runs of the comparison share.
        epochs: epochs trained until the target was reached.
        seconds: the same in wall time.
        trained: epochs trained in all.
        broken: runs that end in NaN or infinity, by this metric or by their loss.
        curves: of the metric, one a run that has it; for drawing, not part of the JSON.
    """

    name: str
    runs: tuple[str, ...]
    paths: tuple[str, ...]
    best: Spread
    final: Spread
    area: Spread
    epochs: Spread
    seconds: Spread
    trained: Spread
    broken: int
    curves: tuple[Curve, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One group against the base.

    Attributes:
        difference: of the mean best values, in the metric's unit; positive is higher.
        relative: the same as a fraction of the base's; NaN where that is zero.
        interval: of `difference`.
        basis: what the interval was made of.
        advice: what would tell more; empty when there is no need.
    """

    group: str
    judgment: Judgment
    difference: float
    relative: float
    interval: tuple[float, float]
    basis: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Groups of runs compared by one metric.

    Attributes:
        groups: the base first.
        target: the value that `epochs` and `seconds` lead to.
        least: differences of the best below this do not count, in the metric's unit.
        resolution: half-widths of intervals above this tell nothing.
        shared: first and last epoch that all runs have.
        axis: what the curves count: epochs, or steps.
    """

    metric: str
    mode: Mode
    groups: tuple[Group, ...]
    contrasts: tuple[Contrast, ...]
    target: float
    least: float
    resolution: float
    shared: tuple[int, int]
    axis: Literal["epoch", "step"]

    # Set by `traindiag.api`: rendering lives above this room, which must not import it.
    html_renderer: ClassVar[Callable[[Comparison], str] | None] = None

    def _repr_html_(self) -> str | None:
        return None if Comparison.html_renderer is None else Comparison.html_renderer(self)

    @property
    def base(self) -> Group:
        """The group the others are compared with."""
        return self.groups[0]

    @property
    def regressed(self) -> bool:
        """Whether any group is worse than the base."""
        return any(each.judgment == "regressed" for each in self.contrasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """The comparisons of one call: the same groups by one metric or several.

    Attributes:
        unreadable: files that should have been logs.
        version: of traindiag.
    """

    comparisons: tuple[Comparison, ...]
    unreadable: tuple[Unreadable, ...] = ()
    version: str = ""
