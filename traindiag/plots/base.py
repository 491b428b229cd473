"""What every figure is: made from a report, drawn on axes; and the few things all figures share.

matplotlib is imported inside the functions, and its pyplot never: no window system, no global state.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from traindiag.analysis.drawable import drawable
from traindiag.model.report import RunReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from numpy.typing import NDArray

# Okabe and Ito's colours: told apart by colour-blind eyes, and dark enough on white.
TRAIN, VAL, BEST, ILL, MUTED = "#0072B2", "#D55E00", "#007A5E", "#B3003B", "#6B6B6B"
SPLIT_COLORS = {"train": TRAIN, "val": VAL, "test": "#8A4FA3"}
STATUS_COLORS = {"healthy": BEST, "unjudged": MUTED}
SEVERITY_COLORS = {"error": ILL, "warning": "#8A6100", "note": TRAIN}
LOG_DECADES = 2.0


class Display(ABC):
    """A figure of one run, after scikit-learn's displays: ``LossDisplay.from_run(run).plot()``.

    Class attributes:
        name: what ``traindiag plot --figure`` takes.
        size: width and height of the figure in inches.
    """

    name: ClassVar[str]
    size: ClassVar[tuple[float, float]] = (8.0, 4.5)
    registry: ClassVar[dict[str, type[Display]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Display.registry[cls.name] = cls

    @classmethod
    @abstractmethod
    def from_run(cls, run: RunReport) -> Self:
        """The display of one run of a report."""

    @classmethod
    def all_from_run(cls, run: RunReport) -> list[tuple[str, Self]]:
        """Every figure of this kind that a run has data for, each with what to call it."""
        return [(cls.name, cls.from_run(run))]

    @abstractmethod
    def draw(self, ax: Axes) -> None:
        """Draw on axes."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw on `ax`, or on the axes of a new figure, and give the axes back."""
        if ax is None:
            ax = new_figure(self.size).add_subplot()
        self.draw(ax)
        return ax

    def figure(self) -> Figure:
        """A figure of its own."""
        figure = new_figure(self.size)
        self.draw(figure.add_subplot())
        return figure

    def _repr_png_(self) -> bytes:
        """The picture a notebook shows."""
        return figure_bytes(self.figure(), "png")


@cache
def all_displays() -> dict[str, type[Display]]:
    """Every kind of figure of one run by name: one per module of this package that defines one."""
    import traindiag.plots as package

    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    return dict(sorted(Display.registry.items()))


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty figure that needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_bytes(figure: Figure, format: str) -> bytes:
    """The figure as a png, svg or pdf file, without date or version: same figure, same bytes."""
    import warnings

    import matplotlib

    metadata: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }[format]
    buffer = BytesIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "traindiag"}):
        # A name may hold characters that the bundled font lacks: they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format=format, dpi=110, metadata=metadata)
    return buffer.getvalue()


def plain(text: Text) -> Text:
    """Take a text as it is: a dollar sign in a run's name starts no formula."""
    text.set_parse_math(False)
    return text


def wants_log(values: Iterable[NDArray[np.float64]]) -> bool:
    """Whether the values are all positive and span more than `LOG_DECADES` decades."""
    parts = [each[drawable(each)] for each in values]
    joined = np.concatenate(parts) if parts else np.empty(0)
    if not len(joined) or joined.min() <= 0:
        return False
    return bool(np.log10(joined.max()) - np.log10(joined.min()) > LOG_DECADES)


def verdict_color(run: RunReport) -> str:
    """The colour a verdict is written in."""
    verdict = run.verdict
    return STATUS_COLORS.get(verdict.status) or SEVERITY_COLORS[verdict.severity.value]


def loss_name(run: RunReport) -> str:
    """The metric to draw: the one the best epoch was chosen by, without the split."""
    return "loss" if run.best is None else run.best.monitor.removeprefix("val_").removeprefix("test_")


def titled(ax: Axes, title: str, axis: str, upright: str) -> None:
    """The run's name above, what the axes count beside them."""
    from textwrap import shorten

    plain(ax.set_title(shorten(title, 90), loc="left", fontsize=12, fontweight="bold"))
    ax.set_xlabel("epoch (from 0)" if axis == "epoch" else "step", fontsize=9, color=MUTED)
    plain(ax.set_ylabel(upright, fontsize=9, color=MUTED))


def whole_epochs(ax: Axes, most: int = 10) -> None:
    """Ticks at whole epochs only."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=most))


def tidy(ax: Axes) -> None:
    """Less ink: no box, a light grid, small ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#999999")
    ax.tick_params(colors="#333333", labelsize=9)
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
