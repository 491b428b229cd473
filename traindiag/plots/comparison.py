"""Groups of seeds over each other: what each setting does, and how far its seeds spread."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from traindiag.comparison.bands import Band, band_of
from traindiag.comparison.shapes import Comparison
from traindiag.plots.base import (
    ILL,
    MUTED,
    figure_bytes,
    new_figure,
    plain,
    tidy,
    titled,
    wants_log,
    whole_epochs,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#007A5E", "#8A4FA3", "#8A6100", "#444444", "#B3003B", "#56B4E9")
MOST = len(COLORS)
POINTS = 600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonDisplay:
    """The curves of all groups of a comparison in one figure.

    Attributes:
        metric: what is compared.
        axis: what the curves count: epochs, or steps.
        target: the value that epochs and time lead to.
        bands: one a group, the base first.
        left_out: how many groups there are besides.
    """

    name: ClassVar[str] = "comparison"
    size: ClassVar[tuple[float, float]] = (8.0, 4.5)

    metric: str
    axis: Literal["epoch", "step"]
    target: float
    bands: tuple[Band, ...]
    left_out: int

    @classmethod
    def from_comparison(cls, comparison: Comparison) -> ComparisonDisplay:
        """The display of what `traindiag.compare` gives; of very many groups, the first."""
        verdicts = {each.group: each.judgment for each in comparison.contrasts}
        groups = comparison.groups[:MOST]
        return cls(
            metric=comparison.metric,
            axis=comparison.axis,
            target=comparison.target,
            bands=tuple(
                band_of(f"{group.name}: {verdicts.get(group.name, 'the base')}", group.curves)
                for group in groups
            ),
            left_out=len(comparison.groups) - len(groups),
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw on `ax`, or on the axes of a new figure, and give the axes back."""
        if ax is None:
            ax = new_figure(self.size).add_subplot()
        tidy(ax)
        if wants_log(part for band in self.bands for part in (band.low, band.high)):
            ax.set_yscale("log")
        for band, color in zip(self.bands, COLORS, strict=False):
            _draw(ax, band, color)
        if np.isfinite(self.target):
            ax.axhline(
                self.target, color=MUTED, linewidth=1, linestyle=":", label=f"target {self.target:.4g}"
            )
        title = f"{self.metric}: median, lowest and highest of each group" if self._groups else self.metric
        titled(ax, title, self.axis, self.metric)
        whole_epochs(ax)
        legend = ax.legend(frameon=False, fontsize=9)
        for text in legend.get_texts():
            plain(text)
        if self.left_out:
            legend.set_title(f"and {self.left_out} more groups")
        return ax

    @property
    def _groups(self) -> bool:
        return any(band.runs > 1 for band in self.bands)

    def figure(self) -> Figure:
        """A figure of its own."""
        figure = new_figure(self.size)
        self.plot(figure.add_subplot())
        return figure

    def _repr_png_(self) -> bytes:
        """The picture a notebook shows."""
        return figure_bytes(self.figure(), "png")


def _draw(ax: Axes, band: Band, color: str) -> None:
    runs = f" ({band.runs} runs)" if band.runs > 1 else ""
    marker = "o" if np.count_nonzero(np.isfinite(band.middle)) == 1 else ""
    label = f"{shorten(band.name, 60)}{runs}"
    ax.plot(band.epoch, band.middle, color=color, linewidth=1.8, marker=marker, label=label)
    drawn = np.flatnonzero(np.isfinite(band.middle))
    if len(drawn) and band.broken:
        last = drawn[-1]
        ax.plot(band.epoch[last], band.middle[last], marker="x", markersize=8, markeredgewidth=2, color=ILL)
    if band.runs > 1:
        ax.fill_between(band.epoch, band.low, band.high, color=color, alpha=0.15, linewidth=0)
