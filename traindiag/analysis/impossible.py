"""Values that a metric cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.curve import Curve
from traindiag.model.names import metric_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARES = frozenset(
    "accuracy acc auc auroc auprc precision recall f1 iou miou dice jaccard sensitivity specificity".split()
)
"""Metrics between 0 and 1, or 0 and 100 as percentages."""
ROUNDING = 1e-5
"""How far float32 sums may carry a share over its limit."""


def impossible_values(curve: Curve, cross_entropy: bool) -> tuple[NDArray[np.intp], str, float] | None:
    """Places of impossible values, why they are, and the limit they break; None when all are possible.

    Args:
        curve: the curve.
        cross_entropy: whether it is known to be a cross-entropy, which is never negative.
    """
    value = np.where(np.isfinite(curve.value), curve.value, 0.0)
    if cross_entropy:
        places = np.flatnonzero(value < -1e-6)
        return (places, "a cross-entropy is never negative", 0.0) if len(places) else None
    if curve.mode != "max" or not _SHARES & set(metric_words(curve.metric)):
        return None
    places = np.flatnonzero(value < -ROUNDING)
    if len(places):
        return places, "a share is never negative", 0.0
    # A percentage has values well above 1; one that stays below 1.5 % is too rare to be guessed at.
    limit = 100.0 if value.max(initial=0.0) > 1.5 and np.median(value) > 1.5 else 1.0
    places = np.flatnonzero(value > limit + limit * ROUNDING)
    return (places, f"it cannot be above {limit:.0f}", limit) if len(places) else None
