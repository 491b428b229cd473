from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.shape import LEAP, Shape, leaps, swing
from traindiag.analysis.signals import Signals
from traindiag.analysis.smoothing import despike
from traindiag.model.finding import Evidence, Finding, Remedy
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line, valley, with_values, zigzag
from traindiag.rules.remedies import (
    clip_gradients,
    larger_batch,
    lower_learning_rate,
    present,
    reduce_on_plateau,
)

SETTLED = 0.2
"""Leaps within this part of the run alone are a start that settled."""
IDLE = 1.5
"""A loss that wins less than this many times its swing over the second half wins nothing."""
MEMORISED = 0.1
"""A training loss below this fraction of its start swings by little: where validation rises, that is the matter."""
PROGRESS = 0.3
"""A loss that ends below this fraction of what it was in the second quarter makes progress."""


def _progress(shape: Shape) -> float:
    """What the second half won, from its first third to its last, in units of its swing."""
    deviation, _ = swing(shape)
    half = shape.smooth[len(shape) // 2 :]
    third = max(len(half) // 3, 1)
    return float(np.median(half[:third]) - np.median(half[-third:])) / max(deviation, 1e-300)


class Oscillating(Rule):
    """The training loss swings to and fro without progress: the steps are too large.

    ## Why it matters
    An epoch's training loss is a mean over many batches and should run smoothly. When it swings by a good
    part of its own level, each epoch throws away what the last one won.

    ## Evidence
    Over the second half, trend taken out, the training loss swings by an eighth of its level or more and by
    more than one part in a hundred of all it gained, to and fro, while it wins nothing; or it broke out early
    on, to far above where it had started; or it swings half as much and validation with it; or it leaps by
    half and more again and again, and not as single points that are made good at once.

    ## Remedies
    A learning rate three to ten times lower; a larger batch; a rate that falls with the epochs.

    ## When to ignore
    Batches of one sample, reinforcement learning, adversarial training: there swings are the rule.

    ## References
    LeCun, Bottou, Orr and Mueller, Efficient BackProp, 1998, section 4.6. Google, Deep Learning Tuning
    Playbook, "unstable training".
    """

    code = "TD202"
    name = "oscillating"
    min_epochs = 10

    of_gain: float = option(0.009, "swing (robust deviation) of the second half, as a fraction of the gain",
                            "seeded runs: healthy at most 0.005, too high a rate from 0.016")  # fmt: skip
    of_level: float = option(0.13, "the same swing, as a fraction of the loss's level there",
                             "seeded runs: healthy at most 0.094, too high a rate from 0.13")  # fmt: skip
    turns: float = option(0.4, "share of epochs at which the loss turns", "white noise has 2/3")
    several: int = option(3, "so many leaps, and one in thirty epochs, are no chance",
                          "healthy labelled runs have at most 2, in a warm-up that went too far")  # fmt: skip
    outbreak: float = option(0.3, "an early rise above the start, as a fraction of the whole fall from it",
                             "healthy runs have none")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        train = signals.train_shape
        if train is None or len(train) < self.min_epochs or not train.non_negative:
            return
        finding = (
            self._swings(signals, train)
            or self._broke_out(signals, train)
            or self._leaps(signals, train)
            or self._together(signals, train)
        )
        if finding is not None:
            yield finding

    def _swings(self, signals: Signals, train: Shape) -> Finding | None:
        deviation, turns = swing(train)
        half = train.smooth[len(train) // 2 :]
        level = float(np.median(half))
        if deviation == 0 or level <= 0:
            return None
        memorised = train.positive and train.end < MEMORISED * train.start
        if memorised and signals.reading is not None and signals.reading.cell == "overfitting":
            return None
        gain = max(train.gain, deviation)
        of_gain, of_level = deviation / gain, deviation / level
        if of_gain < self.of_gain or of_level < self.of_level or turns < self.turns or _progress(train) > 4:
            return None
        epochs = (int(train.epoch[len(train) // 2]), train.last_epoch)
        return self.finding(
            f"the training loss swings by {of_level:.0%} of its level from epoch {epochs[0]} on, without progress",
            confidence=confidence(
                ratio(of_gain, self.of_gain),
                ratio(of_level, self.of_level),
                ratio(turns, self.turns),
                sharpness=1.5,
            ),
            evidence=[
                Evidence(
                    series=train.series,
                    epochs=epochs,
                    observed=of_level,
                    threshold=self.of_level,
                    note="swing, of its level",
                ),
                Evidence(
                    series=train.series,
                    epochs=epochs,
                    observed=of_gain,
                    threshold=self.of_gain,
                    note="swing, of its gain",
                ),
                Evidence(
                    series=train.series,
                    epochs=epochs,
                    observed=turns,
                    threshold=self.turns,
                    note="share of epochs at which it turns",
                ),
            ],
            remedies=self._remedies(signals),
        )

    def _broke_out(self, signals: Signals, train: Shape) -> Finding | None:
        # Single bad points are spikes, not an outbreak.
        early = despike(train.value)[: len(train) // 2]
        first = float(max(train.value[0], early[0]))
        peak = int(np.argmax(early))
        height, fall = float(early[peak]) - first, first - train.end
        if fall <= 0 or height < max(self.outbreak * fall, 0.1 * first, 6 * train.noise):
            return None
        if np.count_nonzero(early > first + 0.1 * fall) < max(3, 0.05 * len(train)):
            return None
        return self.finding(
            f"the training loss broke out to {early[peak]:.4g} at epoch {int(train.epoch[peak])}, "
            f"far above its start of {first:.4g}, before it settled",
            confidence=confidence(ratio(height / fall, self.outbreak), sharpness=0.8),
            evidence=[
                Evidence(
                    series=train.series,
                    epochs=(train.first_epoch, int(train.epoch[peak])),
                    observed=height / fall,
                    threshold=self.outbreak,
                    note="rise above the start, of the whole fall from it",
                )
            ],
            remedies=self._remedies(signals),
        )

    def _together(self, signals: Signals, train: Shape) -> Finding | None:
        """Both losses swing and win nothing: half as much in training counts when validation swings too."""
        val, reading = signals.val_shape, signals.reading
        if val is None or len(val) < self.min_epochs or not (train.positive and val.positive):
            return None
        if reading is None or reading.cell == "plateau":
            return None
        limits = (0.5 * self.of_level, self.of_level)
        shares = [self._swing_of_level(shape) for shape in (train, val)]
        if _progress(train) > IDLE or any(share < limit for share, limit in zip(shares, limits, strict=True)):
            return None
        return self.finding(
            f"both losses swing without progress in the second half: training by {shares[0]:.0%} of its level, "
            f"validation by {shares[1]:.0%}",
            confidence=confidence(*(ratio(*pair) for pair in zip(shares, limits, strict=True))),
            evidence=[
                Evidence(
                    series=shape.series,
                    epochs=(int(shape.epoch[len(shape) // 2]), shape.last_epoch),
                    observed=share,
                    threshold=limit,
                    note="swing, of its level",
                )
                for shape, share, limit in zip((train, val), shares, limits, strict=True)
            ],
            remedies=self._remedies(signals),
        )

    def _swing_of_level(self, shape: Shape) -> float:
        """The swing of the second half as a fraction of its level; 0 where it does not turn."""
        deviation, turns = swing(shape)
        return deviation / float(np.median(shape.smooth[len(shape) // 2 :])) if turns >= self.turns else 0.0

    def _leaps(self, signals: Signals, train: Shape) -> Finding | None:
        """Leaps that are no isolated spikes: up again before the last one was made good."""
        places = leaps(train)
        needed = max(self.several, len(train) / 30)
        if len(places) < needed or len(leaps(replace(train, value=despike(train.value)))) == 0:
            return None
        # A start that went too far and settled, or a loss that goes down through all its leaps, is on its way.
        quarter = len(train) // 4
        if places[-1] < SETTLED * len(train) or train.end < PROGRESS * np.median(
            train.value[quarter : 2 * quarter]
        ):
            return None
        highest = int(places[np.argmax(train.value[places])])
        return self.finding(
            f"the training loss leaps up {len(places)} times, by half and more (to {train.value[highest]:.4g} "
            f"at epoch {int(train.epoch[highest])})",
            confidence=confidence(ratio(len(places), needed)),
            evidence=[
                Evidence(
                    series=train.series,
                    epochs=(int(train.epoch[place]), int(train.epoch[place])),
                    observed=float(train.value[place] / max(train.value[place - 1], 1e-300)),
                    threshold=LEAP,
                    note="times the epoch before",
                )
                for place in places[:6]
            ],
            remedies=self._remedies(signals),
        )

    @staticmethod
    def _remedies(signals: Signals) -> tuple[Remedy, ...]:
        lower = lower_learning_rate(
            signals, 10, "steps that overshoot the valley land on its other side, higher up"
        )
        return present(lower, larger_batch(signals), reduce_on_plateau(signals), clip_gradients())

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "swings from the start", {"loss": zigzag(40, 10.0, 2.5), "val_loss": zigzag(40, 10.0, 4.0, 1)}
        )
        erratic = [9.0, 30.0, 4.0, 12.0, 3.0, 1.5, 8.0, 1.4, 6.0, 5.0, 1.2, 3.5, 3.0, 1.1, 1.0]
        yield Example(
            "leaps again and again before it settles",
            {"loss": [*erratic, *line(25, 1.0, 0.98, 0.02)], "val_loss": line(40, 1.4, 1.2, 0.1, 1)},
        )
        fall = [a + b for a, b in zip(decay(60, 6.0, 0.5, 0.3), zigzag(60, 0.0, 0.15), strict=True)]
        yield Example(
            "falls, then swings",
            {"loss": [max(v, 0.05) for v in fall], "val_loss": decay(60, 6.0, 1.0, 0.3, 0.2)},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "noisy but healthy",
            {"loss": decay(60, 2.3, 0.3, 0.1, 0.05), "val_loss": decay(60, 2.3, 0.4, 0.1, 0.12)},
        )
        yield Example(
            "validation alone is noisy",
            {"loss": decay(60, 2.3, 0.2), "val_loss": decay(60, 2.3, 0.4, 0.1, 0.4)},
        )
        warm_up = [1.6, 0.5, 0.45, 1.2, 0.7, 1.3, 0.7, 1.2, 0.6]
        yield Example(
            "a warm-up that went too far and settled",
            {
                "loss": [*warm_up, *decay(51, 0.4, 0.08, 0.1, 0.004)],
                "val_loss": decay(60, 0.9, 0.15, 0.1, 0.01),
            },
        )
        falling = [a * b for a, b in zip(decay(80, 2.0, 0.004, 0.08), zigzag(80, 1.0, 0.4), strict=True)]
        yield Example(
            "leaps all the way down", {"loss": falling, "val_loss": decay(80, 2.0, 1.0, 0.08, 0.03)}
        )
        yield Example(
            "memorised, and wobbling there, while validation rises",
            {"loss": decay(80, 2.1, 0.11, 0.08, 0.018), "val_loss": valley(80, 2.1, 0.35, 1.0, 31, 0.03, 2)},
        )
        yield Example(
            "one spike",
            {"loss": with_values(decay(60, 2.3, 0.2), {30: 4.0}), "val_loss": decay(60, 2.3, 0.3)},
        )
        yield Example(
            "memorised, wiggles of no weight",
            {"loss": decay(80, 2.3, 0.002, 0.2, 0.3), "val_loss": line(80, 0.5, 0.5)},
        )
