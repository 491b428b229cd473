"""How many validation samples there are, and how far an accuracy measured on them can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARAMS = ("validation_samples", "val_samples", "validation_size", "val_size", "n_val")
MAX_SAMPLES = 2000
"""Beyond this many samples the grid of an accuracy is finer than logs with four digits show."""


def validation_samples(params: Mapping[str, Any], accuracy: NDArray[np.float64]) -> int | None:
    """Number of validation samples: from the configuration, else from the grid the accuracies lie on.

    Args:
        params: hyper-parameters of the run.
        accuracy: validation accuracies, 0..1, shape (epochs,).
    """
    for name in _PARAMS:
        value = params.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 2:
            return int(value)
    return samples_from_grid(accuracy)


def samples_from_grid(accuracy: NDArray[np.float64]) -> int | None:
    """The least N such that every accuracy is k / N, where that cannot be chance.

    With d distinct values and a rounding error of r each, a wrong N fits all of them with probability
    (2 N r)^d; all N tried up to the one found must be unlikely together.

    Args:
        accuracy: 0..1, shape (epochs,).
    """
    distinct = np.unique(accuracy[np.isfinite(accuracy)])
    distinct = distinct[(distinct > 0) & (distinct < 1)]
    if len(distinct) < 3:
        return None
    error = rounding_error(distinct)
    sizes = np.arange(2, MAX_SAMPLES + 1)
    for value in distinct:
        product = value * sizes
        sizes = sizes[np.abs(product - np.rint(product)) <= sizes * error]
    if len(sizes) == 0:
        return None
    size = int(sizes[0])
    by_chance = size * min(2 * size * error, 1.0) ** len(distinct)
    return size if by_chance < 1e-3 else None


def rounding_error(value: NDArray[np.float64]) -> float:
    """Half a unit of the last decimal the values were printed with; that of float32 when they have them all."""
    for digits in range(2, 7):
        if np.all(np.abs(value - np.round(value, digits)) < 1e-9):
            return 0.5001 * 10.0**-digits
    return 1e-7


def binomial_half_width(accuracy: float, samples: int) -> float:
    """Half the width of the 95 % interval of an accuracy measured on `samples` (Wilson, JASA 22, 1927)."""
    z = 1.96
    share = min(max(accuracy, 0.0), 1.0)
    return float(z * np.sqrt(share * (1 - share) / samples + z**2 / (4 * samples**2)) / (1 + z**2 / samples))
