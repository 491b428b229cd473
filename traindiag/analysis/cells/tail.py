"""Neither overfitting nor disagreement: still learning, converged, plateau, or not to be known."""

from __future__ import annotations

from traindiag.analysis.cells.reading import Reading, named
from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import Level
from traindiag.analysis.shape import Shape, swing
from traindiag.analysis.trends import FALLING, LEVEL_FALL
from traindiag.model.finding import Evidence
from traindiag.model.trend import Trend

SLOW_FALL = 0.06
"""At a poor level, after `SLOW_POINTS` or more, a fall of less than this over the window counts as flat."""
SLOW_POINTS = 30
LEANING = 0.04
"""Validation leans down from a fall by this fraction of its range over the window."""
BOUNCE = 0.05
"""A training loss bounces when it swings by this fraction of its gain."""


def read_tail(train: Shape, val: Shape, train_trend: Trend, val_trend: Trend, level: Level) -> Reading:
    """Neither overfitting nor disagreement: still learning, converged, plateau or not to be known."""
    slow = min(train_trend.strength, val_trend.strength) > -SLOW_FALL
    if level.grade == "poor" and len(train) >= SLOW_POINTS and slow:
        return _flat(train, train_trend, val_trend, level)
    if val_trend.direction == "falling" or (
        train_trend.direction == "falling" and val_trend.direction != "rising"
    ):
        if val_trend.direction == "falling" or _leans_down(val, val_trend):
            return _learning(train_trend, val_trend)
        if level.grade != "poor":
            return _converged(level, "the training loss still falls, the validation loss has levelled off")
    return _flat(train, train_trend, val_trend, level)


def _leans_down(val: Shape, trend: Trend) -> bool:
    """Whether validation falls by enough and is as low as ever, though its noise hides the proof."""
    return trend.strength < -LEANING and trend.interval[1] < 0 and val.rise <= val.noise


def read_train_alone(train: Shape, trend: Trend, level: Level) -> Reading:
    if trend.direction == "falling":
        return _learning(trend)
    return _flat(train, trend, None, level)


def _learning(*trends: Trend) -> Reading:
    falling = [trend for trend in trends if trend.direction == "falling"]
    return Reading(
        cell="learning",
        reason=_falls(trends, falling),
        confidence=confidence(*map(_beyond, falling)),
        evidence=tuple(_window(trend) for trend in trends),
    )


def _falls(trends: tuple[Trend, ...], falling: list[Trend]) -> str:
    names = ["training" if trend.series.startswith("train") else "validation" for trend in falling]
    if len(falling) == 2:
        return "training and validation loss both still fall"
    if len(trends) == 2 and names == ["training"]:
        return "the training loss still falls, and the validation loss seems to follow"
    return f"the {names[0]} loss still falls"


def _beyond(trend: Trend) -> float:
    """How far the fall lies beyond the least that counts, of the range or of the level."""
    change = -trend.slope * (trend.epochs[1] - trend.epochs[0])
    of_level = ratio(change, LEVEL_FALL * trend.last) if trend.last > 0 else 0.0
    return max(ratio(-trend.strength, FALLING), of_level)


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
