"""Many runs at a glance: one small picture each, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from traindiag.model.report import RunReport
from traindiag.plots.base import (
    MUTED,
    loss_name,
    new_figure,
    plain,
    tidy,
    verdict_color,
    wants_log,
    whole_epochs,
)
from traindiag.plots.curves import draw_broken, draw_curve

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 60
_STATUS_ORDER = ("ill", "unjudged", "healthy")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverviewDisplay:
    """Small multiples of the loss of several runs.

    Attributes:
        runs: those that are drawn, the worst first.
        left_out: how many there are besides.
    """

    name: ClassVar[str] = "overview"

    runs: tuple[RunReport, ...]
    left_out: int

    @classmethod
    def from_runs(cls, runs: Sequence[RunReport]) -> OverviewDisplay:
        """The overview of the runs of a report; of more than `MOST`, the worst."""
        ranked = sorted(
            runs, key=lambda run: (_STATUS_ORDER.index(run.verdict.status), -run.verdict.severity.rank)
        )
        return cls(runs=tuple(ranked[:MOST]), left_out=max(0, len(ranked) - MOST))

    def figure(self) -> Figure:
        """A figure with one small pair of axes a run."""
        count = max(1, len(self.runs))
        columns = min(count, 4 if count <= 16 else 6)
        rows = ceil(count / columns)
        figure = new_figure((max(5.0, 2.4 * columns), 0.6 + 1.75 * rows))
        all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, run in zip(all_axes, self.runs, strict=False):
            self._small(ax, run)
        for ax in all_axes[len(self.runs) :]:
            ax.set_visible(False)
        handles: dict[str, Artist] = {}
        for ax in all_axes:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        if handles:
            figure.legend(
                list(handles.values()),
                list(handles),
                loc="outside upper right",
                ncols=4,
                frameon=False,
                fontsize=8,
            )
        if self.left_out:
            figure.supxlabel(f"and {self.left_out} more runs", fontsize=9, color=MUTED)
        return figure

    def _small(self, ax: Axes, run: RunReport) -> None:
        metric = loss_name(run)
        curves = [curve for split in ("train", "val") if (curve := run.curve(split, metric)) is not None]
        tidy(ax)
        if wants_log(curve.value for curve in curves):
            ax.set_yscale("log")
        for curve in curves:
            draw_curve(ax, curve, width=1.3, label=curve.split, dots=5)
        draw_broken(ax, curves)
        whole_epochs(ax, 5)
        ax.tick_params(labelsize=7)
        name = run.name if len(run.name) <= 28 else "…" + run.name[-27:]
        title = ax.set_title(f"{name}\n{run.verdict.rule}", fontsize=8, loc="left", color=verdict_color(run))
        plain(title)
