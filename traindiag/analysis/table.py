"""The loss-trend table: what the training loss and the validation loss say together.

Each cell is decided by effect sizes against the curve's own range and its own noise, over the whole run:

- a rise of validation counts against the larger of what train and val had gained, against the noise of one
  point, and against the largest earlier rise that was made good;
- a flat stretch of validation is overfitting only while training goes on gaining in it;
- flat and flat needs evidence of a good or a poor level, else nothing is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import POOR_SKILL, Level, end_of, skill_of
from traindiag.analysis.shape import Shape, swing
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence
from traindiag.model.trend import Trend

Cell = Literal[
    "learning",
    "converged",
    "overfitting",
    "overfitting-mild",
    "data-problem",
    "plateau",
    "diverging",
    "undecided",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The numbers of the table; fixed on labelled runs (see docs/trends.md), all without unit.

    Attributes:
        rise: val's rise from its best, as a fraction of the larger gain, that is overfitting when the best
            epoch is long past.
        least_rise: the least rise of a positive loss, as a fraction of its best level.
        level_rise: a rise by this fraction of the best level needs less of the gain.
        quick_rise: `rise` right after the best epoch. From there it falls exponentially: every good run
            that EarlyStopping ended has risen a little over its patience.
        patience: points after which that excess has fallen to a third (1/e).
        long_stretch: a flat stretch is long from this fraction of the run ...
        long_epochs: ... and this many points.
        noise: a rise must be this many times the noise of one point.
        recovered: a rise must be this many times the largest earlier rise that was made good.
        train_goes_on: train's fall within val's flat stretch, as a fraction of its gain, that is mild
            overfitting.
        descended: a positive training loss has come down far enough, to this fraction of its start, for
            mild overfitting to be told from a run that was resumed at its end.
        val_gained: a positive validation loss must have gained this fraction of its start in this log, before
            it can be said to gain nothing more: a resumed run may have brought its gain along.
        unmoved: train's gain as a fraction of val's gain below which train did not move.
        unmoved_kept: a positive training loss that came down to this fraction of its start has moved.
        accuracy_gap: val's accuracy above train's, with train near chance, that is a data problem.
        diverged: train's rise from its best, as a fraction of its range, that is divergence.
    """

    rise: float = 0.035
    least_rise: float = 0.03
    level_rise: float = 0.12
    quick_rise: float = 0.2
    patience: float = 8.0
    long_stretch: float = 0.2
    long_epochs: int = 10
    noise: float = 3.0
    recovered: float = 1.5
    train_goes_on: float = 0.15
    descended: float = 0.6
    val_gained: float = 0.1
    unmoved: float = 0.2
    unmoved_kept: float = 0.85
    accuracy_gap: float = 0.15
    diverged: float = 0.25


DEFAULT = Thresholds()

SLOW_FALL = 0.06
"""At a poor level, after `SLOW_POINTS` or more, a fall of less than this over the window counts as flat."""
SLOW_POINTS = 30
BOUNCE = 0.05
"""A training loss bounces when it swings by this fraction of its gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One cell of the table, with why.

    Attributes:
        cell: the cell.
        reason: why, as a clause.
        confidence: see analysis.confidence.
        evidence: the measures that decided.
    """

    cell: Cell
    reason: str
    confidence: float
    evidence: tuple[Evidence, ...] = ()


def read_table(
    train: Shape,
    val: Shape | None,
    train_trend: Trend,
    val_trend: Trend | None,
    level: Level,
    accuracies: tuple[Curve, Curve] | None = None,
    limits: Thresholds = DEFAULT,
) -> Reading:
    """Read the table for one run.

    Args:
        train, train_trend: the training loss.
        val, val_trend: the validation loss, None when it was not logged.
        level: whether the run ended at a good level.
        accuracies: of train and val as fractions, when both were logged.
        limits: the thresholds.
    """
    diverging = read_divergence(train, val, val_trend, limits)
    if diverging is not None:
        return diverging
    if val is None or val_trend is None:
        return _read_train_alone(train, train_trend, level)
    return (
        read_accuracy_gap(train_trend, accuracies, limits)
        or read_val_rise(train, val, limits)
        or read_disagreement(train, val, train_trend, val_trend, limits)
        or read_flat_stretch(train, val, limits)
        or _read_tail(train, val, train_trend, val_trend, level)
    )


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
    evidence = [_rise_evidence(train, train.rise / size, needed, "rise above its best, of its range")]
    if val is not None and val.rise > 0:
        evidence.append(
            _rise_evidence(
                val, val.rise / max(val.gain, val.rise), limits.diverged, "rise above its best, of its range"
            )
        )
    return Reading(
        cell="diverging",
        reason=f"the {named(train)} loss rose from {train.best:.4g} (epoch {train.best_epoch}) to {train.end:.4g}",
        confidence=confidence(share, ratio(train.rise, 2 * limits.noise * train.noise)),
        evidence=tuple(evidence),
    )


def named(shape: Shape) -> str:
    """What a person calls the split: where only a validation loss was logged it stands for the run."""
    return "training" if shape.series.startswith("train") else "validation"


def _rises_late(shape: Shape) -> bool:
    """Whether the last third lies above the middle third: a rise that goes on, no bad stretch long past."""
    third = max(len(shape) // 3, 1)
    middle, last = shape.smooth[-2 * third : -third], shape.smooth[-third:]
    return len(middle) == 0 or bool(np.median(last) > np.median(middle) - shape.noise)


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
            _rise_evidence(val, val.rise / size, needed, "rise above its best, of what was gained"),
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


def read_accuracy_gap(
    trend: Trend, accuracies: tuple[Curve, Curve] | None, limits: Thresholds = DEFAULT
) -> Reading | None:
    """Validation is answered far better than training, which stays near chance: the splits disagree."""
    if accuracies is None or trend.direction == "falling":
        return None
    train, val = accuracies
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


def train_fall_since(train: Shape, epoch: int) -> float:
    """How far the training loss fell from `epoch` to its end, in its own unit; negative when it rose."""
    index = min(int(np.searchsorted(train.epoch, epoch)), len(train) - 1)
    return float(train.smooth[index] - train.end)


def _rise_evidence(shape: Shape, observed: float, threshold: float, note: str) -> Evidence:
    return Evidence(
        series=shape.series,
        epochs=(shape.best_epoch, shape.last_epoch),
        observed=float(observed),
        threshold=threshold,
        note=note,
    )


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
            _rise_evidence(
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


def _read_tail(train: Shape, val: Shape, train_trend: Trend, val_trend: Trend, level: Level) -> Reading:
    """Neither overfitting nor disagreement: still learning, converged, plateau or not to be known."""
    slow = min(train_trend.strength, val_trend.strength) > -SLOW_FALL
    if level.grade == "poor" and len(train) >= SLOW_POINTS and slow:
        return _flat(train, train_trend, val_trend, level)
    if val_trend.direction == "falling" or (
        train_trend.direction == "falling" and val_trend.direction != "rising"
    ):
        if val_trend.direction == "falling":
            return _learning(train_trend, val_trend)
        if level.grade != "poor":
            return _converged(level, "the training loss still falls, the validation loss has levelled off")
    return _flat(train, train_trend, val_trend, level)


def _read_train_alone(train: Shape, trend: Trend, level: Level) -> Reading:
    if trend.direction == "falling":
        return _learning(trend)
    return _flat(train, trend, None, level)


def _learning(*trends: Trend) -> Reading:
    names = " and ".join("training" if trend.series.startswith("train") else "validation" for trend in trends)
    both = len(trends) > 1 and all(trend.direction == "falling" for trend in trends)
    text = (
        f"{names} loss {'both still fall' if both else 'still falls'}"
        if both or len(trends) == 1
        else ("the validation loss still falls")
    )
    return Reading(
        cell="learning",
        reason=text,
        confidence=confidence(
            *(ratio(-trend.strength, 0.02) for trend in trends if trend.direction == "falling")
        ),
        evidence=tuple(_window(trend) for trend in trends),
    )


def _window(trend: Trend) -> Evidence:
    return Evidence(
        series=trend.series,
        epochs=trend.epochs,
        observed=trend.strength,
        threshold=None,
        note="change over the window, of its range",
    )


def _converged(level: Level, what: str) -> Reading:
    return Reading(cell="converged", reason=f"{what}; {level.reason}", confidence=confidence(level.beyond))


def _flat(train: Shape, train_trend: Trend, val_trend: Trend | None, level: Level) -> Reading:
    trends = [trend for trend in (train_trend, val_trend) if trend is not None]
    which = "both losses have" if val_trend is not None else f"the {named(train)} loss has"
    if level.grade == "good":
        return _converged(level, f"{which} levelled off")
    evidence = tuple(_window(trend) for trend in trends)
    if level.grade == "poor":
        return Reading(
            cell="plateau",
            reason=f"{which} stopped falling at a poor level: {level.reason}",
            confidence=confidence(level.beyond),
            evidence=evidence,
        )
    if bounces(train):
        return Reading(
            cell="plateau",
            reason=f"{which} stopped falling and the training loss only bounces",
            confidence=confidence(ratio(swing(train)[0], BOUNCE * train.gain)),
            evidence=evidence,
        )
    return Reading(
        cell="undecided",
        reason=f"{which} levelled off, but {level.reason}",
        confidence=confidence(level.beyond),
        evidence=evidence,
    )


def bounces(train: Shape) -> bool:
    """Whether the end of the training loss swings by a visible part of its gain and level, to and fro."""
    deviation, turns = swing(train)
    if train.gain < 6 * train.noise or deviation < BOUNCE * train.gain or turns < 0.4:
        return False
    return not train.positive or (deviation > 0.08 * train.end and train.kept < 0.7)
