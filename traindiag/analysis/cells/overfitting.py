"""Validation no longer gains what training gains: it rises, or stays flat for long."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.cells.reading import Reading, rise_evidence, train_fall_since
from traindiag.analysis.cells.thresholds import DEFAULT, Thresholds
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.shape import Shape
from traindiag.model.finding import Evidence


def read_val_rise(train: Shape, val: Shape, limits: Thresholds = DEFAULT) -> Reading | None:
    """Validation lies above its best by more than noise while training is not above its own: overfitting."""
    size = max(train.gain, val.gain)
    stretch = val.last_epoch - val.best_epoch
    points = len(val) - 1 - val.best_index
    # EarlyStopping rarely waits for most of a run: a best epoch early in the run is long past, however few
    # points were logged since.
    past = points * (1 + 5 * max(points / len(val) - 0.4, 0.0))
    needed = limits.rise + (limits.quick_rise - limits.rise) * float(np.exp(-past / limits.patience))
    if val.positive and val.rise > limits.level_rise * val.best:
        # Seen from the level that was reached the rise is large, however far the curves had come down to it.
        needed *= 0.6
    if points < 2 or size <= 0 or val.rise < needed * size:
        return None
    if train.gain < 2 * limits.noise * train.noise or val.rise < least_rise(train, val, limits):
        return None
    if val.rise < limits.noise * val.noise or val.rise < limits.recovered * val.recovered:
        return None
    fell = train_fall_since(train, val.best_epoch)
    if fell < 0.02 * train.gain and not (train.gain > 0 and train.end < val.end - 0.5 * size):
        return None
    return Reading(
        cell="overfitting",
        reason=f"the validation loss was best at epoch {val.best_epoch} and has risen from "
        f"{val.value[val.best_index]:.4g} to {val.end:.4g} in the {stretch} epochs since, "
        "while the training loss went on falling",
        confidence=confidence(
            ratio(val.rise, needed * size),
            ratio(val.rise, limits.noise * val.noise),
            ratio(val.rise, limits.recovered * val.recovered),
        ),
        evidence=(
            rise_evidence(val, val.rise / size, needed, "rise above its best, of what was gained"),
            Evidence(
                series=train.series,
                epochs=(val.best_epoch, train.last_epoch),
                observed=-fell / train.gain if train.gain > 0 else 0.0,
                threshold=None,
                note="change in the same stretch, of its gain",
            ),
        ),
    )


def least_rise(train: Shape, val: Shape, limits: Thresholds) -> float:
    """A rise below this is no overfitting whatever the gains: they may be tiny, in a resumed or dead run."""
    if not val.positive:
        return 0.0
    return limits.least_rise * val.best * (4.0 if train.positive and train.kept > 0.8 else 1.0)


def flat_since(val: Shape) -> int:
    """Index from which validation won no more than noise, or 1 % of its gain, of its best level."""
    near = val.best + max(val.noise, 0.01 * val.gain)
    return int(np.argmax(val.smooth <= near))


def read_flat_stretch(train: Shape, val: Shape, limits: Thresholds = DEFAULT) -> Reading | None:
    """Training goes on gaining over a long stretch in which validation gains nothing: mild overfitting."""
    first = flat_since(val)
    points = len(val) - 1 - first
    if points < max(limits.long_epochs, limits.long_stretch * len(val)) or train.gain <= 0:
        return None
    # A validation loss that never gained in this log may have done so before: resumed and fine-tuned runs.
    if first == 0 or val.gain < limits.noise * val.noise or train.kept > limits.descended:
        return None
    if val.positive and val.gain < limits.val_gained * val.start:
        return None
    epoch = int(val.epoch[first])
    fell = train_fall_since(train, epoch)
    gap = val.end - train.end
    if fell < limits.train_goes_on * train.gain or fell < limits.noise * train.noise or fell < 2 * val.noise:
        return None
    if gap < 0.5 * fell or val.end < val.best - val.noise:
        return None
    return Reading(
        cell="overfitting-mild",
        reason=f"the validation loss has gained nothing since epoch {epoch}, while the training loss fell "
        f"by another {fell / train.gain:.0%} of its gain",
        confidence=confidence(
            ratio(fell, limits.train_goes_on * train.gain),
            ratio(points, max(limits.long_epochs, limits.long_stretch * len(val))),
        ),
        evidence=(
            Evidence(
                series=val.series,
                epochs=(epoch, val.last_epoch),
                observed=float(points),
                threshold=float(max(limits.long_epochs, limits.long_stretch * len(val))),
                note="epochs without a gain",
            ),
            Evidence(
                series=train.series,
                epochs=(epoch, train.last_epoch),
                observed=float(fell / train.gain),
                threshold=limits.train_goes_on,
                note="fall in the same stretch, of its gain",
            ),
        ),
    )
