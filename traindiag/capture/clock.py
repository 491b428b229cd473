"""What the time of a training is spent on, and how much of it recording may take."""

from __future__ import annotations

import time


class EpochClock:
    """The seconds of an epoch, which begins when this is made.

    Attributes:
        wall_time: of its beginning, seconds since 1970.
        steps: of the training, so far.
        trained: seconds until its validation began; None as long as it has not.
        waited: those of them that were spent waiting for batches; None where that cannot be known.
    """

    def __init__(self) -> None:
        self.wall_time = time.time()
        self.steps = 0
        self.trained: float | None = None
        self.waited: float | None = None
        self._begin = time.perf_counter()

    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._begin

    def values(self) -> dict[str, float]:
        """``epoch_time``, ``step_time``, ``data_time`` as far as they are known."""
        seconds = self.seconds()
        values = {"epoch_time": round(seconds, 6)}
        if self.steps:
            values["step_time"] = round((self.trained or seconds) / self.steps, 9)
            if self.waited is not None:
                values["data_time"] = round(self.waited / self.steps, 9)
        return values


class Pace:
    """When to do again what takes longer the more epochs there are.

    At the end of each of the first epochs; later only when the epochs have grown by a twentieth, and when all of it
    together takes no more than a fiftieth of the time.
    """

    always, growth, share = 100, 1.05, 0.02

    def __init__(self) -> None:
        self._next = 0.0
        self._due = float("-inf")

    def is_due(self, epochs: int) -> bool:
        """Whether to do it after so many epochs."""
        if epochs <= self.always:
            return True
        return epochs >= self._next and time.monotonic() >= self._due

    def done(self, epochs: int, seconds: float) -> None:
        """That it was done after so many epochs, and how long it took."""
        self._next = epochs * self.growth
        self._due = time.monotonic() + seconds / self.share
