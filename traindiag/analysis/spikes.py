"""Isolated jumps of a curve that are made good again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from traindiag.analysis.noise import point_noise
from traindiag.model.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECOVERY = 5
"""Points within which the curve must be back for a jump to count as a spike."""
_NEIGHBOURS = 10
"""Points on either side whose own noise a jump is held against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """One jump.

    Attributes:
        epoch: of its highest point.
        value: there.
        height: above the level before or after it, whichever is higher; in the curve's own unit.
        noise: of one point in its neighbourhood, in the curve's own unit.
    """

    epoch: int
    value: float
    height: float
    noise: float


def spikes_of(curve: Curve, least: float, times_noise: float = 8.0) -> tuple[Spike, ...]:
    """The spikes of a curve where less is better.

    A point is a spike when it stands above both the level before it and the level the curve comes back to
    within `RECOVERY` points, by `least` and by `times_noise` times the noise around it. Levels are medians
    of three points, so that a steep fall, a step or a slow rise is none.

    Args:
        curve: the curve; points that are not finite are left out.
        least: the least height, in the curve's own unit.
        times_noise: the least height in units of one point's noise.
    """
    finite = np.isfinite(curve.value)
    value, epoch = curve.value[finite], curve.epoch[finite]
    if len(value) < 8:
        return ()
    height = _heights(value)
    high = np.flatnonzero(height > max(least, times_noise * point_noise(value)))
    # Other spikes nearby are no noise that a spike could drown in.
    quiet = np.delete(np.arange(len(value)), high)
    spikes: list[Spike] = []
    for group in np.split(high, np.flatnonzero(np.diff(high) > RECOVERY) + 1):
        if len(group) == 0:
            continue
        top = int(group[np.argmax(height[group])])
        around = value[quiet[np.abs(quiet - top) <= _NEIGHBOURS]]
        noise = max(point_noise(around), point_noise(value))
        if height[top] > times_noise * noise:
            spikes.append(
                Spike(epoch=int(epoch[top]), value=float(value[top]), height=float(height[top]), noise=noise)
            )
    return tuple(spikes)


def _heights(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each point stands above the levels around it; -inf where there are too few points to tell."""
    level = np.median(sliding_window_view(value, 3), axis=1)
    returns = sliding_window_view(np.append(level, np.full(RECOVERY, np.inf)), RECOVERY).min(axis=1)
    before = np.append(value[:2].min(), level[:-3])
    after = np.append(returns[3:-1], value[-2:].max())
    height = np.full(len(value), -np.inf)
    height[2:-2] = value[2:-2] - np.maximum(before, after)
    return height
