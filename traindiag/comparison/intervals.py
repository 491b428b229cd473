"""How sure the difference of two groups is: the half-width of its interval.

It comes

- from the spread over seeds where both sides have several: Student's t where they have equally many, else
  Welch's (The generalization of Student's problem when several different population variances are involved,
  Biometrika 34, 1947). Three seeds or more a side that spread as seeds usually do need not show that alone: what
  is usual counts as `USUAL_WORTH` further seeds where it makes the interval narrower (a prior for the variance, as
  in Smyth, Linear Models and Empirical Bayes Methods, Statistical Applications in Genetics 3, 2004);
- from the spread of one side where the other has a single run, which is taken to spread alike;
- with one run each, from the noise of single epochs or `SEED_SPREAD`, whichever is more: what seeds would do
  is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from traindiag.analysis.student import t_quantile
from traindiag.comparison.shapes import Spread

SURE = 0.99
"""One-sided: in two comparisons of a hundred the same setting is called worse or better."""

INTERVAL = f"{100 * (2 * SURE - 1):.0f}% interval"
SEED_SPREAD = 0.03
"""What seeds of one setting are taken to spread by at least, where there is only one of each.

tests/benchmarks/compare.py prints what small networks spread by: 2 to 3 %."""

USUAL_WORTH = 4
"""Degrees of freedom that `SEED_SPREAD` counts for."""
USUAL = 2.0
"""Seeds that spread by more than so many times `SEED_SPREAD` are not usual ones."""
LEAST_SEEDS = 3


def half_width(base: Spread, other: Spread, noise: Sequence[float], scale: float) -> tuple[float, str]:
    """Half the interval of the difference of two means, and what it was made of.

    Args:
        base, other: the best values of both sides.
        noise: of single epochs, in the first run of either side; needed where both have only one.
        scale: what `SEED_SPREAD` is a fraction of.
    """
    counts = len(base.values), len(other.values)
    if min(counts) == 0:
        return math.inf, "no finite value"
    if max(counts) == 1:
        half = t_quantile(SURE, math.inf) * math.hypot(*(max(each, SEED_SPREAD * scale) for each in noise))
        guess = f"if seeds spread by {100 * SEED_SPREAD:.0f}%, which one run each cannot tell"
        return half, f"{INTERVAL} {guess}"
    if min(counts) == 1:
        several = base if counts[0] > 1 else other
        basis = f"{INTERVAL}, from the spread over {max(counts)} seeds, of one side only"
        return _against_one(several), basis
    basis = f"{INTERVAL}, from the spread over {counts[0]} and {counts[1]} seeds"
    own, usual = _of_both(base, other), _of_usual(base, other, SEED_SPREAD * scale)
    if own <= usual:
        return own, basis
    return usual, f"{basis} and the {100 * SEED_SPREAD:.0f}% that seeds usually spread by"


def half_width_of(count: int, deviation: float) -> float:
    """What the interval would be with so many seeds on either side that spread so."""
    return t_quantile(SURE, 2 * count - 2) * deviation * math.sqrt(2 / count)


def _against_one(several: Spread) -> float:
    """Where one more run of the same setting would lie (a prediction interval)."""
    count = len(several.values)
    return t_quantile(SURE, count - 1) * several.deviation * math.sqrt(1 / count + 1)


def _of_both(first: Spread, second: Spread) -> float:
    """Half the interval from both spreads.

    With as many runs on both sides Student's t stands up to unequal spreads (Ramsey, Exact Type I error rates
    for robustness of Student's t test with unequal variances, Journal of Educational Statistics 5, 1980), and
    has more degrees of freedom than Welch's, which counts for three seeds. Else Welch's are needed.
    """
    counts = [len(each.values) for each in (first, second)]
    parts = [each.deviation**2 / len(each.values) for each in (first, second)]
    if sum(parts) == 0:
        return 0.0
    freedom = float(sum(counts) - 2)
    if counts[0] != counts[1]:
        weights = [part**2 / (count - 1) for part, count in zip(parts, counts, strict=True)]
        freedom = sum(parts) ** 2 / sum(weights)
    return t_quantile(SURE, freedom) * math.sqrt(sum(parts))


def _of_usual(first: Spread, second: Spread, spread: float) -> float:
    """Half the interval if both sides spread alike, and what is usual is further evidence of how far.

    Infinite where it may not be used: with few seeds, or with seeds that spread by far more.
    """
    counts = [len(each.values) for each in (first, second)]
    freedom = sum(counts) - 2
    variance = (
        sum((n - 1) * each.deviation**2 for n, each in zip(counts, (first, second), strict=True)) / freedom
    )
    if min(counts) < LEAST_SEEDS or variance > (USUAL * spread) ** 2:
        return math.inf
    together = (USUAL_WORTH * spread**2 + freedom * variance) / (USUAL_WORTH + freedom)
    return t_quantile(SURE, USUAL_WORTH + freedom) * math.sqrt(together * sum(1 / n for n in counts))
