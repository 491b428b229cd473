"""The learning rate and what the loss did under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import LEARNING_RATE
from traindiag.model.report import RunReport
from traindiag.plots.base import MUTED, Display, loss_name, plain, tidy, titled, wants_log, whole_epochs
from traindiag.plots.curves import draw_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearningRateDisplay(Display):
    """The learning rate as steps, and the loss on an axis of its own beside it.

    Attributes:
        title: name of the run.
        rate: the learning rate.
        loss: validation loss, or training loss without validation; None when no loss is logged.
    """

    name: ClassVar[str] = "learning-rate"

    title: str
    rate: Curve
    loss: Curve | None

    @classmethod
    def from_run(cls, run: RunReport) -> Self:
        """The display of a run.

        Raises:
            UsageError: the run logged no learning rate.
        """
        rate = run.curve("train", LEARNING_RATE)
        if rate is None or not len(rate):
            hint = "keras.callbacks.LearningRateScheduler and ReduceLROnPlateau log it"
            raise UsageError("no learning rate in this log", where=run.name, next_step=hint)
        metric = loss_name(run)
        return cls(title=run.name, rate=rate, loss=run.curve("val", metric) or run.curve("train", metric))

    @classmethod
    def all_from_run(cls, run: RunReport) -> list[tuple[str, Self]]:
        """The figure, where a learning rate was logged."""
        return [] if run.curve("train", LEARNING_RATE) is None else [(cls.name, cls.from_run(run))]

    def draw(self, ax: Axes) -> None:
        """Draw on axes; the loss gets a second vertical axis."""
        tidy(ax)
        ax.step(self.rate.epoch, self.rate.value, where="mid", color=MUTED, linewidth=1.8)
        if bool((self.rate.value > 0).all()):
            ax.set_yscale("log")
        titled(ax, self.title, self.rate.axis, "learning rate")
        whole_epochs(ax)
        if self.loss is None:
            return
        beside = ax.twinx()
        beside.spines[["top", "left"]].set_visible(False)
        if wants_log([self.loss.value]):
            beside.set_yscale("log")
        draw_curve(beside, self.loss, width=1.3)
        name = f"{self.loss.split} {self.loss.metric}"
        color = beside.lines[-1].get_color()
        plain(beside.set_ylabel(name, fontsize=9, color=color))
        beside.tick_params(labelsize=9, colors=color)
