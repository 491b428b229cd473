"""What is called worse, better, the same, or not to be told.

The verdict is about the best values. Differences below `LEAST` do not matter however sure they are, and where
the interval is wider than `RESOLUTION` to either side nothing is claimed. Both are fractions of the base's best
value, or of what it gained since its start, whichever is less: so a loss that started huge and an accuracy
close to 1 are both held to fine measure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from traindiag.comparison.intervals import half_width, half_width_of
from traindiag.comparison.shapes import Contrast, Group, Judgment, Spread

LEAST = 0.01
RESOLUTION = 0.1
MOST_SEEDS = 100
"""Nobody is advised to train more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a difference is held against, in the metric's unit.

    Attributes:
        sign: 1 where less is better, else -1.
        scale: what fractions are of.
        least: differences below this do not count.
    """

    sign: float
    scale: float
    least: float

    @property
    def resolution(self) -> float:
        """Half-widths of intervals above this tell nothing."""
        return RESOLUTION * self.scale


def scale_of(start: float, best: float) -> float:
    """What fractions are of: the best value or the gain, whichever is less; never 0."""
    gain, level = abs(start - best), best if best > 0 else math.inf
    scale = min((each for each in (gain, level) if each > 0), default=abs(best))
    return scale if math.isfinite(scale) and scale > 0 else 1.0


def contrast_of(base: Group, other: Group, noise: tuple[float, float], measure: Measure) -> Contrast:
    """One group against the base.

    Args:
        noise: of single epochs, in the first run of the base and of the other.
    """
    difference = other.best.mean - base.best.mean
    half, basis = half_width(base.best, other.best, noise, measure.scale)
    judgment = _judgment(measure.sign * difference, half, measure)
    if _broken(other) and not _broken(base):
        judgment, basis = "regressed", "most of its runs end in NaN or infinity"
    return Contrast(
        group=other.name,
        judgment=judgment,
        difference=difference,
        relative=difference / abs(base.best.mean) if base.best.mean else math.nan,
        interval=(difference - half, difference + half),
        basis=basis,
        advice=_advice(base.best, other.best, measure) if judgment == "cannot tell" else "",
    )


def _broken(group: Group) -> bool:
    return 2 * group.broken > len(group.runs)


def _judgment(worse: float, half: float, measure: Measure) -> Judgment:
    if abs(worse) > half and abs(worse) >= measure.least:
        return "regressed" if worse > 0 else "improved"
    return "same" if half <= measure.resolution else "cannot tell"


def _advice(base: Spread, other: Spread, measure: Measure) -> str:
    """How many seeds a side would narrow the interval to `RESOLUTION`, if they spread as these do."""
    spreads = [each.deviation for each in (base, other) if len(each.values) > 1]
    if not spreads:
        return "train several seeds of each"
    for count in range(3, MOST_SEEDS + 1):
        if half_width_of(count, max(spreads)) <= measure.resolution:
            return (
                f"about {count} seeds of each would narrow the interval to {100 * RESOLUTION:.0f}% either way"
            )
    return "the seeds differ too much; train longer or make the setting steadier"
