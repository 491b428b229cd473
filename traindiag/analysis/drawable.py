"""Which values a picture can show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HUGE = 1e100
"""Values beyond this cannot be laid out and are marked as broken."""


def drawable(value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values can be drawn: finite and not absurdly large."""
    return np.isfinite(value) & (np.abs(np.nan_to_num(value)) < HUGE)
