"""What a run cost, and how much of it came after its best epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Epochs and seconds of a run.

    Attributes:
        epochs: from the first to the last one logged.
        after_best: those after the best epoch; 0 where no best epoch is known.
        seconds: what they took as far as the log tells; None where it does not.
        seconds_after_best: the same of `after_best`.
    """

    epochs: int
    after_best: int
    seconds: float | None = None
    seconds_after_best: float | None = None
