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
    """When to do again what would cost too much if it were done each time: in half a percent of the time at most."""

    share = 0.005

    def __init__(self) -> None:
        self._due = float("-inf")

    def is_due(self) -> bool:
        """Whether enough time has passed since it was last done."""
        return time.monotonic() >= self._due

    def done(self, seconds: float) -> None:
        """That it was done now, and how long it took."""
        self._due = time.monotonic() + seconds / self.share
