"""Any other metric of a run: accuracy, AUC, whatever was logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import LEARNING_RATE
from traindiag.model.report import Best, RunReport
from traindiag.plots.base import BEST, Display, loss_name, tidy, titled, wants_log, whole_epochs
from traindiag.plots.curves import draw_broken, draw_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8
"""Metrics drawn of one run; some logs have hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricDisplay(Display):
    """One metric on all splits, with the epoch of the best loss marked.

    Attributes:
        title: name of the run.
        curves: the metric on each split that has it.
        best: best epoch of the loss; None when no loss is logged.
    """

    name: ClassVar[str] = "metric"

    title: str
    curves: tuple[Curve, ...]
    best: Best | None

    @classmethod
    def from_run(cls, run: RunReport, metric: str | None = None) -> Self:
        """The display of one metric, of the first one when none is named.

        Raises:
            UsageError: the run has no such metric.
        """
        others = cls.metrics(run)
        wanted = metric or (others[0] if others else "")
        curves = tuple(each for each in run.curves if each.metric == wanted and len(each))
        if not curves:
            hint = f"it has {', '.join(others)}" if others else "it logged nothing but the loss"
            raise UsageError(f"no metric {wanted!r}", where=run.name, next_step=hint)
        return cls(title=run.name, curves=curves, best=run.best)

    @classmethod
    def all_from_run(cls, run: RunReport) -> list[tuple[str, Self]]:
        """One figure a metric."""
        return [(metric, cls.from_run(run, metric)) for metric in cls.metrics(run)[:MOST]]

    @staticmethod
    def metrics(run: RunReport) -> list[str]:
        """The metrics of a run besides its loss and its learning rate."""
        return sorted({each.metric for each in run.curves} - {loss_name(run), LEARNING_RATE})

    def draw(self, ax: Axes) -> None:
        """Draw on axes."""
        tidy(ax)
        if wants_log(curve.value for curve in self.curves):
            ax.set_yscale("log")
        for curve in self.curves:
            draw_curve(ax, curve, label=curve.split)
        draw_broken(ax, list(self.curves))
        if self.best is not None:
            label = f"best {self.best.monitor}: epoch {self.best.epoch}"
            ax.axvline(self.best.epoch, color=BEST, linewidth=1, linestyle=":", label=label)
        titled(ax, self.title, self.curves[0].axis, self.curves[0].metric)
        legend = ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        for text in legend.get_texts():
            text.set_parse_math(False)
        whole_epochs(ax)
