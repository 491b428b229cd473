"""The loss of one run with what the verdict rests on: best epoch, judged window, evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from traindiag.analysis.drawable import drawable
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence
from traindiag.model.report import Best, RunReport
from traindiag.plots.base import (
    BEST,
    ILL,
    MUTED,
    Display,
    loss_name,
    plain,
    tidy,
    verdict_color,
    wants_log,
    whole_epochs,
)
from traindiag.plots.curves import draw_broken, draw_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_EVIDENCE = 3
SPIKES = "loss-spike"
WORDS_A_LINE = 96


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossDisplay(Display):
    """Train and validation loss of one run.

    Attributes:
        title: name of the run.
        verdict: what was found, as written above the curves.
        color: of the verdict.
        curves: the loss of each split that has one.
        best: best epoch; None when no loss is logged.
        window: first and last epoch that were judged; None when nothing was.
        evidence: of the verdict's finding; places are marked on the curves.
        spikes: jumps of the loss that are not the verdict; marked too.
    """

    name: ClassVar[str] = "loss"

    title: str
    verdict: str
    color: str
    curves: tuple[Curve, ...]
    best: Best | None
    window: tuple[int, int] | None
    evidence: tuple[Evidence, ...]
    spikes: tuple[Evidence, ...] = ()

    @classmethod
    def from_run(cls, run: RunReport) -> Self:
        """The display of a run; its curves, trends and findings say what to mark."""
        metric = loss_name(run)
        curves = (run.curve(split, metric) for split in ("train", "val", "test"))
        own = [each for each in run.findings if each.rule == run.verdict.rule]
        windows = [trend.epochs for trend in run.trends]
        return cls(
            title=run.name,
            verdict=f"{run.verdict.rule}: {run.verdict.message}",
            color=verdict_color(run),
            curves=tuple(curve for curve in curves if curve is not None and len(curve)),
            best=run.best,
            window=(min(w[0] for w in windows), max(w[1] for w in windows)) if windows else None,
            evidence=own[0].evidence[:MOST_EVIDENCE] if own else (),
            spikes=tuple(
                evidence
                for each in run.findings
                if each.rule == SPIKES and each not in own
                for evidence in each.evidence
            ),
        )

    def draw(self, ax: Axes) -> None:
        """Draw on axes."""
        tidy(ax)
        if wants_log(curve.value for curve in self.curves):
            ax.set_yscale("log")
        self._window(ax)
        for number, evidence in enumerate(self.evidence, 1):
            self._evidence(ax, evidence, number)
        for curve in self.curves:
            draw_curve(ax, curve, label=curve.split)
        draw_broken(ax, list(self.curves))
        self._spikes(ax)
        self._best(ax)
        self._words(ax)
        whole_epochs(ax)

    def _window(self, ax: Axes) -> None:
        if self.window is not None and self.window[1] > self.window[0]:
            ax.axvspan(*self.window, color="#000000", alpha=0.07, linewidth=0, label="judged")

    def _evidence(self, ax: Axes, evidence: Evidence, number: int) -> None:
        curve = next((each for each in self.curves if each.series == evidence.series), None)
        if curve is None:
            return
        inside = (curve.epoch >= evidence.epochs[0]) & (curve.epoch <= evidence.epochs[1])
        inside &= drawable(curve.value)
        if not inside.any():
            return
        epoch, value = curve.epoch[inside], curve.value[inside]
        style: dict[str, Any] = {"color": ILL, "alpha": 0.25, "linewidth": 7, "solid_capstyle": "round"}
        ax.plot(epoch, value, marker="o" if len(epoch) == 1 else "", markersize=12, **style)
        # Numbers of the same stretch stand side by side, not on each other.
        at = len(epoch) * number // (len(self.evidence) + 1)
        ax.annotate(
            str(number),
            (float(epoch[at]), float(value[at])),
            xytext=(0, 10),
            textcoords="offset points",
            ha="center",
            color=ILL,
            fontsize=9,
            fontweight="bold",
        )

    def _spikes(self, ax: Axes) -> None:
        for evidence in self.spikes:
            for curve in self.curves:
                at = np.flatnonzero(curve.epoch == evidence.epochs[0])
                if curve.series == evidence.series and len(at) and drawable(curve.value[at])[0]:
                    place = (float(evidence.epochs[0]), float(curve.value[at[0]]))
                    ax.plot(*place, marker="o", markersize=10, color=ILL, alpha=0.35, linestyle="")

    def _best(self, ax: Axes) -> None:
        if self.best is None or not drawable(np.array([self.best.value]))[0]:
            return
        ax.axvline(self.best.epoch, color=BEST, linewidth=1, linestyle=":")
        ax.plot(
            [self.best.epoch],
            [self.best.value],
            marker="D",
            markersize=7,
            color=BEST,
            linestyle="",
            label=f"best: epoch {self.best.epoch}, {self.best.value:.4g}",
            zorder=5,
        )

    def _words(self, ax: Axes) -> None:
        from textwrap import shorten, wrap

        verdict = wrap(self.verdict, WORDS_A_LINE, max_lines=2, placeholder=" ...")
        place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
        plain(
            ax.set_title(
                shorten(self.title, 90),
                loc="left",
                fontsize=12,
                fontweight="bold",
                pad=10 + 14 * len(verdict),
            )
        )
        above = ax.annotate(
            "\n".join(verdict),
            (0, 1),
            xytext=(0, 8),
            color=self.color,
            fontsize=9.5,
            va="bottom",
            **place,
        )
        plain(above)
        axis = "epoch (from 0)" if all(curve.axis == "epoch" for curve in self.curves) else "step"
        notes = [
            shorten(_sentence(number, each), WORDS_A_LINE) for number, each in enumerate(self.evidence, 1)
        ]
        ax.set_xlabel(axis, fontsize=9, color=MUTED)
        if notes:
            below = "\n".join(notes)
            plain(ax.annotate(below, (0, 0), xytext=(0, -36), va="top", color=MUTED, fontsize=9, **place))
        plain(ax.set_ylabel(self.curves[0].metric if self.curves else "loss", fontsize=9, color=MUTED))
        if self.curves:
            ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        else:
            ax.text(0.5, 0.5, "no loss was logged", transform=ax.transAxes, ha="center", color=MUTED)


def _sentence(number: int, evidence: Evidence) -> str:
    first, last = evidence.epochs
    place = f"epoch {first}" if first == last else f"epochs {first} to {last}"
    limit = "" if evidence.threshold is None else f" (limit {evidence.threshold:.3g})"
    return f"{number}  {evidence.series}, {place}: {evidence.observed:.3g}, {evidence.note}{limit}"
