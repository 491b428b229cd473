"""How sure a judgment is: computed from how far each measure lies beyond its threshold."""

from __future__ import annotations

import math

ON_THRESHOLD = 0.8
"""A verdict that only just met its thresholds; more of them were right on labelled runs (docs/trends.md)."""
HIGHEST = 0.98
"""One far beyond them: about how many of these were right."""


def confidence(*ratios: float, sharpness: float = 1.2) -> float:
    """Confidence from `ON_THRESHOLD` to `HIGHEST`, led by the weakest of several measures.

    Args:
        ratios: observed / threshold of each measure that had to be met; 1 is on the threshold.
        sharpness: how quickly confidence grows: with the default, twice the threshold gives 0.94.
    """
    weakest = min((ratio for ratio in ratios if not math.isnan(ratio)), default=1.0)
    doubt = (1 - ON_THRESHOLD) * math.exp(-sharpness * max(weakest - 1, 0.0))
    return round(min(1 - doubt, HIGHEST), 2)


def ratio(observed: float, threshold: float) -> float:
    """observed / threshold, with 10 standing for "far beyond" when the threshold is zero."""
    return min(observed / threshold, 10.0) if threshold > 0 else 10.0
