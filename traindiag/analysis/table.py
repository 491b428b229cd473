"""The loss-trend table: what the training loss and the validation loss say together.

Each cell is decided by effect sizes against the curve's own range and its own noise, over the whole run:

- a rise of validation counts against the larger of what train and val had gained, against the noise of one
  point, and against the largest earlier rise that was made good;
- a flat stretch of validation is overfitting only while training goes on gaining in it;
- flat and flat needs evidence of a good or a poor level, else nothing is claimed.
"""

from __future__ import annotations

from traindiag.analysis.cells.disagreement import read_accuracy_gap, read_disagreement
from traindiag.analysis.cells.divergence import read_divergence
from traindiag.analysis.cells.overfitting import read_flat_stretch, read_val_rise
from traindiag.analysis.cells.reading import Reading
from traindiag.analysis.cells.tail import read_tail, read_train_alone
from traindiag.analysis.cells.thresholds import DEFAULT, Thresholds
from traindiag.analysis.level import Level
from traindiag.analysis.shape import Shape
from traindiag.model.curve import Curve
from traindiag.model.trend import Trend


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
        return read_train_alone(train, train_trend, level)
    return (
        read_accuracy_gap(train_trend, accuracies, limits)
        or read_val_rise(train, val, limits)
        or read_disagreement(train, val, train_trend, val_trend, limits)
        or read_flat_stretch(train, val, limits)
        or read_tail(train, val, train_trend, val_trend, level)
    )
