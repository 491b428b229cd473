"""The training loss rises for good."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.cells.reading import Reading, named, rise_evidence
from traindiag.analysis.cells.thresholds import DEFAULT, Thresholds
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.shape import Shape
from traindiag.model.trend import Trend


def read_divergence(
    train: Shape, val: Shape | None, val_trend: Trend | None, limits: Thresholds = DEFAULT
) -> Reading | None:
    """The training loss rises for good: its end lies far above its best, and no later fall made it good."""
    size = max(train.gain, train.rise)
    # Seen from the level that was reached a rise by half is large, however far the loss had come down to it.
    needed = limits.diverged * (0.4 if train.positive and train.end > 1.5 * train.best else 1.0)
    if size <= 0 or train.rise < needed * size or train.rise < 2 * limits.noise * train.noise:
        return None
    if train.rise < limits.recovered * train.recovered or not _rises_late(train):
        return None
    if train.positive and train.end < 1.1 * train.best:
        return None
    if val_trend is not None and val_trend.direction == "falling":
        return None
    share = ratio(train.rise / size, needed)
    if named(train) == "validation" and train.end < train.start:
        return _turned_up(train, share, needed)
    evidence = [rise_evidence(train, train.rise / size, needed, "rise above its best, of its range")]
    if val is not None and val.rise > 0:
        evidence.append(
            rise_evidence(
                val, val.rise / max(val.gain, val.rise), limits.diverged, "rise above its best, of its range"
            )
        )
    return Reading(
        cell="diverging",
        reason=f"the {named(train)} loss rose from {train.best:.4g} (epoch {train.best_epoch}) to {train.end:.4g}",
        confidence=confidence(share, ratio(train.rise, 2 * limits.noise * train.noise)),
        evidence=tuple(evidence),
    )


def _turned_up(val: Shape, share: float, needed: float) -> Reading:
    """A validation loss without a training loss that fell first and then rose: most likely overfitting."""
    return Reading(
        cell="overfitting-mild",
        reason=f"the validation loss was best at epoch {val.best_epoch} and has risen from {val.best:.4g} to "
        f"{val.end:.4g} since; the log has no training loss that would tell overfitting from divergence",
        confidence=confidence(share),
        evidence=(rise_evidence(val, share * needed, needed, "rise above its best, of its range"),),
    )


def _rises_late(shape: Shape) -> bool:
    """Whether the last third lies above the middle third: a rise that goes on, no bad stretch long past."""
    third = max(len(shape) // 3, 1)
    middle, last = shape.smooth[-2 * third : -third], shape.smooth[-third:]
    return len(middle) == 0 or bool(np.median(last) > np.median(middle) - shape.noise)
