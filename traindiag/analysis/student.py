"""Student's t, without scipy, whose import costs more than a whole diagnosis."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

_GRID = 40_001


@lru_cache(maxsize=256)
def t_quantile(probability: float, freedom: float) -> float:
    """The value that Student's t stays below with a probability of 0.5 or more.

    With ``t = sqrt(freedom) * tan(angle)`` the density becomes ``cos(angle) ** (freedom - 1)``, smooth on
    (-pi/2, pi/2), and the distribution function its integral (trapezoids on a grid).

    Args:
        probability: at least 0.5 and below 1.
        freedom: degrees of freedom, 1 or more, whole or not; infinity gives the normal distribution.
    """
    freedom = min(freedom, 1e4)
    # Towards pi/2 the angles lie ever closer: the far tail of one degree of freedom is needed exactly.
    angle = math.pi / 2 * (1 - (1 - np.linspace(0, 1, _GRID)) ** 3)
    density = np.cos(angle) ** (freedom - 1)
    steps = np.diff(angle) * (density[1:] + density[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(steps)])
    share = 0.5 + 0.5 * below / below[-1]
    return float(math.sqrt(freedom) * np.tan(np.interp(probability, share, angle)))
