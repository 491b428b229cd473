"""What a reading of the loss-trend table is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from traindiag.analysis.shape import Shape
from traindiag.model.finding import Evidence

Cell = Literal[
    "learning",
    "converged",
    "overfitting",
    "overfitting-mild",
    "data-problem",
    "plateau",
    "diverging",
    "undecided",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One cell of the table, with why.

    Attributes:
        cell: the cell.
        reason: why, as a clause.
        confidence: see analysis.confidence.
        evidence: the measures that decided.
    """

    cell: Cell
    reason: str
    confidence: float
    evidence: tuple[Evidence, ...] = ()


def rise_evidence(shape: Shape, observed: float, threshold: float, note: str) -> Evidence:
    return Evidence(
        series=shape.series,
        epochs=(shape.best_epoch, shape.last_epoch),
        observed=float(observed),
        threshold=threshold,
        note=note,
    )


def train_fall_since(train: Shape, epoch: int) -> float:
    """How far the training loss fell from `epoch` to its end, in its own unit; negative when it rose."""
    index = min(int(np.searchsorted(train.epoch, epoch)), len(train) - 1)
    return float(train.smooth[index] - train.end)


def named(shape: Shape) -> str:
    """What a person calls the split: where only a validation loss was logged it stands for the run."""
    return "training" if shape.series.startswith("train") else "validation"
