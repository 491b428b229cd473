"""Where a log steps back: an interrupted training that was taken up again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from traindiag.model.frame import MISSING, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """One step back.

    Attributes:
        last: last epoch (or step) before it.
        first: first one after it.
        before, after: values at the two, on either side of the seam.
    """

    last: int
    first: int
    before: float
    after: float

    @property
    def jump(self) -> float:
        """How far the curve rose over the seam; negative when it fell."""
        return self.after - self.before


def resumes_of(series: Series) -> tuple[Resume, ...]:
    """Every place where the epochs of a series step back, or one is repeated without steps of its own.

    The value before the seam is that of the epoch which is repeated, where there is one: so the two sides
    are compared at the same age.

    Args:
        series: the rows as logged.
    """
    position = series.epoch
    if position is None or bool(np.all(position == MISSING)):
        position = series.step
    if position is None:
        return ()
    known = position != MISSING
    position, value = position[known], series.value[known]
    back = np.diff(position) < 0
    if series.step is None or series.epoch is None:
        back |= np.diff(position) == 0
    resumes = []
    for place in np.flatnonzero(back):
        first = int(position[place + 1])
        same = np.flatnonzero(position[: place + 1] == first)
        before = value[same[-1]] if len(same) else value[place]
        resumes.append(
            Resume(
                last=int(position[place]), first=first, before=float(before), after=float(value[place + 1])
            )
        )
    return tuple(resumes)
