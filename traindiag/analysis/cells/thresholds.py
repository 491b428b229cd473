"""The numbers of the loss-trend table."""

from __future__ import annotations

from dataclasses import dataclass


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
