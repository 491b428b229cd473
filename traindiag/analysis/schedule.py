"""What the learning rate did, and whether the loss answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from traindiag.analysis.shape import Shape
from traindiag.model.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

DROP = 0.7
"""A step of the rate to this fraction or less is a drop; a smooth decay has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One step down of the learning rate.

    Attributes:
        epoch: first epoch at the lower rate.
        before, after: the rates.
        fall: how far the loss fell from there to the next drop (or the end), in its own unit.
    """

    epoch: int
    before: float
    after: float
    fall: float


def finite_rates(curve: Curve) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Epochs and rates where the log has one, both of shape (n,)."""
    finite = np.isfinite(curve.value)
    return curve.epoch[finite], curve.value[finite]


def level_at(shape: Shape, epoch: int) -> float:
    """The smooth level of a curve at an epoch (the next judged point, the last one beyond the end)."""
    return float(shape.smooth[min(int(np.searchsorted(shape.epoch, epoch)), len(shape) - 1)])


def drops_of(rate: Curve, loss: Shape) -> tuple[Drop, ...]:
    """The steps down of the rate, each with what the loss won until the next."""
    epochs, rates = finite_rates(rate)
    places = np.flatnonzero((rates[1:] <= DROP * rates[:-1]) & (rates[1:] > 0)) + 1
    ends = [int(epochs[place]) for place in places[1:]] + [loss.last_epoch] * (len(places) > 0)
    return tuple(
        Drop(
            epoch=int(epochs[place]),
            before=float(rates[place - 1]),
            after=float(rates[place]),
            # The epoch before the drop is the last that the old rate made.
            fall=level_at(loss, int(epochs[place]) - 1) - level_at(loss, end),
        )
        for place, end in zip(places, ends, strict=True)
    )
