"""Whether a trained run shows the fault it was given: judged by test samples that neither training nor rules see.

A scenario that is honest on its own data set need not bite on another one. Runs whose fault did not show are kept
in the manifest and marked, so that nobody counts them against a rule. No rule and no threshold of a rule is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of one run.

    Attributes:
        scenario: its name.
        history: Keras' names to one value an epoch.
        start: test loss of the untrained network.
        test, skill: after each epoch, of the test samples: the loss, and how far accuracy came from the share of the
            largest class (0) to perfect (1), or for a regression one minus the loss over the targets' variance.
        reference: the test loss that sound runs of the same data set reach.
        reference_skill: the skill they reach.
    """

    scenario: str
    history: Mapping[str, Sequence[float]]
    start: float
    test: Floats
    skill: Floats
    reference: float
    reference_skill: float

    @property
    def train(self) -> Floats:
        """The training loss."""
        return np.asarray(self.history["loss"], dtype=np.float64)

    @property
    def val(self) -> Floats:
        """The validation loss."""
        return np.asarray(self.history["val_loss"], dtype=np.float64)

    @property
    def end(self) -> float:
        """The test loss over the last three epochs."""
        return float(np.mean(self.test[-3:]))

    @property
    def best(self) -> float:
        """The lowest test loss."""
        return float(np.nanmin(self.test))

    @property
    def gain(self) -> float:
        """What the test loss came down."""
        return max(self.start - self.best, 1e-12)

    @property
    def last_skill(self) -> float:
        """The skill over the last three epochs."""
        return float(np.mean(self.skill[-3:]))

    @property
    def finite(self) -> bool:
        """Whether all losses are."""
        return bool(np.isfinite(self.test).all() and np.isfinite(self.train).all())


def _learned(seen: Seen) -> bool:
    """Far better than it began, or skilled, and at its end about as good as ever."""
    fine_tuned = seen.scenario == "fine-tuned"
    came_down = seen.best < 0.6 * seen.start or seen.last_skill > 0.5
    kept = seen.end < seen.best + max(0.06 * seen.gain, 0.1 * seen.best if fine_tuned else 0.0)
    return seen.finite and came_down and kept


def _sound(seen: Seen) -> bool:
    """Learned, and the validation split tells the same."""
    fell = seen.val[0] - seen.val.min()
    room = 0.1 * abs(seen.val.min()) if seen.scenario == "fine-tuned" else 0.06 * max(fell, 1e-12)
    return _learned(seen) and float(np.mean(seen.val[-3:])) < seen.val.min() + room


def _still_falling(seen: Seen) -> bool:
    tail = max(len(seen.test) // 4, 3)
    return seen.finite and seen.test[-1] < seen.test[-1 - tail] - 0.02 * seen.gain


def _overfitted(seen: Seen) -> bool:
    if seen.scenario == "overfitting-mild":
        middle = len(seen.test) * 3 // 5
        won = float(np.mean(seen.test[middle - 1 : middle + 2])) - seen.end
        learned = seen.train[middle] - seen.train[-1]
        return seen.finite and won < 0.02 * seen.gain and learned > 0.1 * (seen.train[0] - seen.train[-1])
    return seen.finite and seen.end > seen.best + 0.15 * max(seen.gain, seen.train[0] - seen.train.min())


def _guesses(seen: Seen) -> bool:
    return seen.finite and seen.last_skill < 0.1


def _crept(seen: Seen) -> bool:
    return seen.finite and seen.end < seen.start and seen.end > 0.85 * seen.start


def _stopped_poor(seen: Seen) -> bool:
    quarter = max(len(seen.train) // 4, 4)
    won = float(np.median(seen.train[-2 * quarter : -quarter]) - np.median(seen.train[-quarter:]))
    flat = won < 0.05 * max(float(seen.train[0] - seen.train.min()), 1e-12)
    at_rest = float(np.median(seen.test[-2 * quarter : -quarter])) - seen.end < 0.05 * seen.gain
    return seen.finite and flat and at_rest and _poor(seen)


def _poor(seen: Seen) -> bool:
    return seen.last_skill < seen.reference_skill - 0.15


def _far_from_sound(seen: Seen) -> bool:
    return not seen.finite or seen.end > 1.5 * seen.reference


def _spiked(seen: Seen) -> bool:
    loss = seen.train
    inner = np.arange(1, len(loss) - 1)
    jumps = (loss[inner] > 1.5 * loss[inner - 1]) & (loss[inner] > 1.5 * loss[inner + 1])
    return seen.finite and int(jumps.sum()) >= 3 and seen.last_skill > 0.5 * seen.reference_skill


def _rose(seen: Seen) -> bool:
    top = float(np.mean(seen.train[-3:]))
    low = float(np.nanmin(seen.train))
    return not seen.finite or (top > low + 0.25 * abs(seen.train[0] - low) and seen.end > 1.2 * seen.best)


def _val_apart(seen: Seen) -> bool:
    end = float(np.mean(seen.val[-3:]))
    return _learned(seen) and end > 2 * seen.end and end > 0.7 * seen.val[0]


def _jumps(seen: Seen) -> bool:
    """Validation changes from epoch to epoch by far more than the same network does on the test samples."""
    half = len(seen.val) // 2
    val, test = (float(np.mean(np.abs(np.diff(loss[half:])))) for loss in (seen.val, seen.test))
    return _learned(seen) and val > 2.5 * test and val > 0.02 * seen.gain


def _only_val_learns(seen: Seen) -> bool:
    return seen.finite and seen.last_skill > float(np.mean(seen.history["accuracy"][-3:])) + 0.1


def _too_little(seen: Seen) -> bool:
    return seen.finite and seen.end > 1.3 * seen.reference


CHECKS: dict[str, Callable[[Seen], bool]] = {
    "converged": _sound,
    "learning": _still_falling,
    "overfitting": _overfitted,
    "stuck-at-chance": _guesses,
    "slow-learning": _crept,
    "plateau": _stopped_poor,
    "oscillating": _far_from_sound,
    "loss-spike": _spiked,
    "diverging": _rose,
    "non-finite": lambda seen: not np.isfinite(seen.train).all(),
    "val-mismatch": _val_apart,
    "noisy-validation": _jumps,
    "data-problem": _only_val_learns,
    "learning-rate-schedule": _too_little,
    # A wrong head is a fact of the model, also where training makes the best of it.
    "head-mismatch": lambda seen: True,
    "no-validation": _learned,
    "too-short": lambda seen: True,
}
"""By the first verdict a scenario expects."""


def shows(seen: Seen, expected: Sequence[str]) -> bool:
    """Whether the run is what its scenario says."""
    if "converged" in expected:
        # A leak makes validation better than it should be, and twelve samples say nothing: the test samples decide.
        return _learned(seen) if seen.scenario in ("leaked-validation",) else _sound(seen)
    return CHECKS[expected[0]](seen)
