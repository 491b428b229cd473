"""A trend: where a curve is going at its end, and how noisy it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["falling", "flat", "rising", "oscillating", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The direction of one series at the end of the run, judged in the light of the whole run.

    Attributes:
        series: ``train/loss``.
        direction: falling, flat, rising, oscillating or undecided.
        slope: change per epoch over the judged window, in the series' own unit.
        interval: 95 % interval of `slope`.
        strength: change over the window as a fraction of the curve's own range; no unit.
        noise: standard deviation of one point around the smooth curve, in the series' own unit.
        epochs: first and last epoch of the judged window.
        best_epoch: epoch of the best smoothed value.
        best: logged value at `best_epoch`.
        last: robust level at the end of the run.
    """

    series: str
    direction: Direction
    slope: float
    interval: tuple[float, float]
    strength: float
    noise: float
    epochs: tuple[int, int]
    best_epoch: int
    best: float
    last: float
