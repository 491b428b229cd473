"""Drawing one curve so that it can be read, whether it has two points or twenty thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.analysis.drawable import drawable
from traindiag.model.curve import Curve
from traindiag.plots.base import SPLIT_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

FEW, MANY = 30, 1000
BINS = 200


def draw_curve(
    ax: Axes, curve: Curve, *, width: float = 1.8, label: str | None = None, dots: int = FEW
) -> None:
    """The curve as a line: with dots when short, as a pale line under its averages when very long.

    Args:
        ax: where to.
        curve: what to draw.
        width: of the line, in points.
        label: for the legend.
        dots: how many points a curve may have to show each of them.
    """
    color = SPLIT_COLORS.get(curve.split, SPLIT_COLORS["test"])
    good = drawable(curve.value)
    draw_line(
        ax, curve.epoch, np.where(good, curve.value, np.nan), color, width=width, label=label, dots=dots
    )


def draw_line(
    ax: Axes,
    epoch: NDArray[np.int64],
    value: NDArray[np.float64],
    color: str,
    *,
    width: float = 1.8,
    label: str | None = None,
    dots: int = FEW,
) -> None:
    """As `draw_curve`, of values that are NaN where nothing can be drawn."""
    style: dict[str, Any] = {"color": color, "linewidth": width, "label": label}
    good = np.isfinite(value)
    if good.sum() > MANY:
        ax.plot(epoch, value, color=color, linewidth=0.5, alpha=0.3)
        ax.plot(*binned(epoch[good], value[good]), **style)
        return
    marker = "o" if len(value) <= dots or _lonely(good) else ""
    ax.plot(epoch, value, marker=marker, markersize=3.5, **style)


def binned(
    epoch: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Averages over `BINS` stretches of equally many points."""
    edges = np.linspace(0, len(value), BINS + 1).astype(int)[:-1]
    count = np.diff(np.append(edges, len(value)))
    return np.add.reduceat(epoch, edges) / count, np.add.reduceat(value, edges) / count


def draw_broken(ax: Axes, curves: list[Curve]) -> None:
    """Red crosses along the bottom at the epochs where a value is NaN, infinite or absurd."""
    parts = [curve.epoch[~drawable(curve.value)] for curve in curves]
    epochs = np.unique(np.concatenate(parts)) if parts else np.empty(0)
    if len(epochs):
        style: dict[str, Any] = {"color": "#B3003B", "linestyle": "", "markersize": 5, "clip_on": False}
        ax.plot(
            epochs,
            np.full(len(epochs), 0.02),
            marker="x",
            transform=ax.get_xaxis_transform(),
            label="NaN or infinite",
            **style,
        )


def _lonely(good: NDArray[np.bool_]) -> bool:
    """Whether a point stands between broken ones, where no line would show it."""
    padded = np.concatenate([[False], good, [False]])
    return bool(np.any(padded[1:-1] & ~padded[:-2] & ~padded[2:]))
