"""Whether validation data are of another kind than training data."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.half_epoch import paired_at_epoch_end
from traindiag.analysis.level import as_fraction, end_of
from traindiag.analysis.signals import Signals
from traindiag.analysis.smoothing import smooth

EARLY = 3
"""Epochs in which there is nothing to memorise yet."""
ENOUGH = 8
"""Epochs from which on it can be told."""
FAR_APART = 0.5
"""Accuracy of training above that of validation that no overfitting of a first epoch explains."""
NEVER_ROSE = 0.05
MANY = 10
"""Classes, where the log does not tell their number."""
EARLY_RATIO = 1.5


def early_ratio(signals: Signals) -> float:
    """Validation over training loss in the first epochs, the half-epoch shift taken out; NaN when unknown."""
    if signals.train is None or signals.val is None:
        return float("nan")
    epochs, learned, judged = paired_at_epoch_end(signals.train, signals.val)
    if len(epochs) < EARLY or np.min(learned[:EARLY]) <= 0:
        return float("nan")
    return float(np.median(judged[:EARLY] / learned[:EARLY]))


def never_answered(signals: Signals) -> bool:
    """Validation was worse at once and is answered worse than by guessing, while training is answered well.

    A loss that rises from the first epoch on is no overfitting then: nothing was ever won that could be lost.
    At the level of guessing it may be: a network can memorise labels that mean nothing.
    """
    train, val = signals.accuracy("train"), signals.accuracy("val")
    losses = (signals.train_shape, signals.val_shape)
    if train is None or val is None or signals.resumed:
        return False
    if any(loss is None or not loss.positive for loss in losses):
        return False
    accuracy = as_fraction(val).value
    accuracy = accuracy[np.isfinite(accuracy)]
    if len(accuracy) < ENOUGH or end_of(train) - end_of(val) < FAR_APART:
        return False
    course = smooth(accuracy)
    never_rose = np.max(course) - course[0] <= NEVER_ROSE and end_of(val) < 0.5 / (signals.classes or MANY)
    return bool(never_rose and early_ratio(signals) >= EARLY_RATIO)
