"""The two data sets disagree: validation gains what training does not, or they contradict each other."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.cells.reading import Reading, rise_evidence
from traindiag.analysis.cells.thresholds import DEFAULT, Thresholds
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import POOR_SKILL, end_of, skill_of
from traindiag.analysis.noise import median
from traindiag.analysis.shape import Shape
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence
from traindiag.model.trend import Trend

GAP_EPOCHS = 10
"""In the first epochs training's accuracy, a mean over each of them, lags behind validation's."""
UNMOVED_ACCURACY = 0.05
"""A training accuracy that rose by less than this has not moved."""


def read_accuracy_gap(
    trend: Trend, accuracies: tuple[Curve, Curve] | None, limits: Thresholds = DEFAULT
) -> Reading | None:
    """Validation is answered far better than training, which stays near chance: the splits disagree."""
    if accuracies is None or min(map(len, accuracies)) < GAP_EPOCHS:
        return None
    train, val = accuracies
    if trend.direction == "falling" and _gained(train) >= UNMOVED_ACCURACY:
        return None  # Heavy augmentation keeps training's accuracy low, and lets it rise.
    skill = skill_of(train)
    train_end, val_end = end_of(train), end_of(val)
    if np.isnan(skill) or skill >= POOR_SKILL or val_end - train_end < limits.accuracy_gap:
        return None
    return Reading(
        cell="data-problem",
        reason=f"validation is answered far better (accuracy {val_end:.3g}) than training ({train_end:.3g})",
        confidence=confidence(
            ratio(val_end - train_end, limits.accuracy_gap), 1 + (POOR_SKILL - skill) / POOR_SKILL
        ),
        evidence=(
            Evidence(
                series=val.series,
                epochs=(int(val.epoch[0]), int(val.epoch[-1])),
                observed=val_end - train_end,
                threshold=limits.accuracy_gap,
                note="accuracy above that of training",
            ),
        ),
    )


def _gained(accuracy: Curve) -> float:
    """From the first three points to the end; NaN without a finite one."""
    finite = accuracy.value[np.isfinite(accuracy.value)]
    return end_of(accuracy) - median(finite[:3]) if len(finite) else float("nan")


def read_disagreement(
    train: Shape, val: Shape, train_trend: Trend, val_trend: Trend, limits: Thresholds = DEFAULT
) -> Reading | None:
    """Validation gains what training does not: the two data sets disagree."""
    val_moved = val.gain > max(6 * val.noise, 4 * train.noise) and val.end - val.best < 0.5 * val.gain
    train_change = train.start - train.end
    # Validation may start far above training (batch normalisation does), so that its gain dwarfs any other.
    train_fell = train.positive and train.kept < limits.unmoved_kept
    if not val_moved or train_fell or train_change >= limits.unmoved * val.gain:
        return _read_contradiction(train, val, train_trend, val_trend, limits)
    share = train_change / val.gain
    return Reading(
        cell="data-problem",
        reason=f"the validation loss fell from {val.start:.4g} to {val.end:.4g} while the training loss "
        f"did not follow ({train.start:.4g} to {train.end:.4g})",
        confidence=confidence(
            1 + (limits.unmoved - share) / limits.unmoved, ratio(val.gain, 6 * val.noise), sharpness=2.5
        ),
        evidence=(
            Evidence(
                series=train.series,
                epochs=(train.first_epoch, train.last_epoch),
                observed=float(share),
                threshold=limits.unmoved,
                note="fall, as a fraction of validation's",
            ),
            Evidence(
                series=val.series,
                epochs=(val.first_epoch, val.last_epoch),
                observed=float(val.gain / max(val.noise, 1e-300)),
                threshold=6.0,
                note="fall, in units of its noise",
            ),
        ),
    )


def _read_contradiction(
    train: Shape, val: Shape, train_trend: Trend, val_trend: Trend, limits: Thresholds
) -> Reading | None:
    """The end of the run: training rises while validation falls."""
    if train_trend.direction != "rising" or val_trend.direction != "falling":
        return None
    if train.rise < 2 * limits.rise * train.gain or train.rise < limits.recovered * train.recovered:
        return None
    return Reading(
        cell="data-problem",
        reason=f"at the end the training loss rises (to {train.end:.4g}, best {train.best:.4g}) while the "
        "validation loss falls: the two splits contradict each other",
        confidence=confidence(ratio(train.rise, 2 * limits.rise * train.gain)),
        evidence=(
            rise_evidence(
                train,
                train.rise / max(train.gain, 1e-300),
                2 * limits.rise,
                "rise above its best, of its gain",
            ),
            Evidence(
                series=val.series,
                epochs=val_trend.epochs,
                observed=val_trend.strength,
                threshold=None,
                note="change over the window, of its range",
            ),
        ),
    )
