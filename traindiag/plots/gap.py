"""The generalisation gap: how far validation loss lies above training loss, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from traindiag.analysis.drawable import drawable
from traindiag.model.report import RunReport
from traindiag.plots.base import MUTED, VAL, Display, loss_name, tidy, titled, whole_epochs
from traindiag.plots.curves import draw_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GapDisplay(Display):
    """Validation loss minus training loss.

    Attributes:
        title: name of the run.
        metric: the loss.
        axis: what `epoch` counts.
        epoch: int64, shape (n,): epochs both splits have.
        gap: float64, shape (n,); NaN where one of them is broken.
    """

    name: ClassVar[str] = "gap"

    title: str
    metric: str
    axis: str
    epoch: NDArray[np.int64]
    gap: NDArray[np.float64]

    @classmethod
    def from_run(cls, run: RunReport) -> Self:
        """The gap of a run; empty when it has no validation."""
        metric = loss_name(run)
        train, val = run.curve("train", metric), run.curve("val", metric)
        if train is None or val is None:
            nothing = np.empty(0)
            return cls(title=run.name, metric=metric, axis="epoch", epoch=np.empty(0, np.int64), gap=nothing)
        epoch, at_train, at_val = np.intersect1d(train.epoch, val.epoch, return_indices=True)
        low, high = train.value[at_train], val.value[at_val]
        good = drawable(low) & drawable(high)
        gap = np.where(good, np.where(good, high, 0) - np.where(good, low, 0), np.nan)
        return cls(title=run.name, metric=metric, axis=val.axis, epoch=epoch, gap=gap)

    @classmethod
    def all_from_run(cls, run: RunReport) -> list[tuple[str, Self]]:
        """The gap where there is one."""
        display = cls.from_run(run)
        return [(cls.name, display)] if np.isfinite(display.gap).any() else []

    def draw(self, ax: Axes) -> None:
        """Draw on axes."""
        tidy(ax)
        ax.axhline(0, color=MUTED, linewidth=0.8)
        draw_line(ax, self.epoch, self.gap, VAL)
        ax.fill_between(self.epoch, 0, self.gap, color=VAL, alpha=0.12, linewidth=0)
        titled(ax, self.title, self.axis, f"val {self.metric} - train {self.metric}")
        whole_epochs(ax)
