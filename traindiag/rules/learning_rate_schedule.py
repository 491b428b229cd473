from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.schedule import Drop, drops_of, finite_rates, level_at
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.model.names import LEARNING_RATE
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import (
    cosine_decay,
    early_stopping,
    lower_learning_rate,
    more_capacity,
    number,
    present,
)


class LearningRateSchedule(Rule):
    """The learning rate is zero, was used up too early, rose late, or was changed without effect.

    ## Why it matters
    Epochs at a rate of nearly zero cost as much as any and change nothing. A rate that climbs late undoes
    what was learned. A rate that is lowered again and again without effect is not what holds the loss.

    ## Evidence
    The logged learning rate beside the training loss. Zero: over a tenth of the run or more, not only at its
    ends, with a loss that does not move meanwhile. Used up: at 2 % of its peak for the last half or
    more, while both losses were falling until then and hardly at all since. Rose late: it doubled after the
    first fifth and the training loss rose with it for good. No effect: dropped at least twice, to a tenth or
    less, and the loss won nothing since the first drop, at a level not known to be good (a note).

    ## Remedies
    A schedule as long as the run; no rise after the warm-up; an end when ReduceLROnPlateau wins nothing.

    ## When to ignore
    Cyclic schedules and warm restarts that come back to a lower loss each time are passed over here.

    ## References
    Google, Deep Learning Tuning Playbook, "learning rate schedules". Keras, `keras.callbacks.ReduceLROnPlateau`
    (`min_lr`). Loshchilov and Hutter, SGDR, 2017.
    """

    code = "TD207"
    name = "learning-rate-schedule"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ("train/loss", LEARNING_RATE)
    min_epochs = 8

    zero_share: float = option(0.1, "share of epochs at a rate of exactly zero", "trainproof warns from 10 %")
    used_up: float = option(
        0.02, "a rate of this fraction of its peak is used up", "a cosine is there for its last 9 %"
    )
    too_early: float = option(0.5, "share of the run left when the rate is used up",
                              "step schedules in common use spend up to two fifths at a hundredth")  # fmt: skip
    rise: float = option(
        2.0, "a later rate this many times an earlier one is a rise", "warm-up ends long before"
    )
    loss_rise: float = option(0.15, "rise of the training loss with it, as a fraction of its gain",
                              "three times what docs/trends.md calls a rising window")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        curve, loss = signals.curve("train", LEARNING_RATE), signals.train_shape
        if (
            curve is None
            or loss is None
            or curve.axis != "epoch"
            or len(finite_rates(curve)[1]) < self.min_epochs
        ):
            return
        if np.any(finite_rates(curve)[1] < 0) or len(loss) < self.min_epochs:
            return
        found = (
            self._zero(signals, curve, loss)
            or self._rose(signals, curve, loss)
            or self._used_up(signals, curve, loss)
            or self._no_effect(signals, curve, loss)
        )
        if found is not None:
            yield found

    def _zero(self, signals: Signals, curve: Curve, loss: Shape) -> Finding | None:
        epochs, rates = finite_rates(curve)
        zero = np.flatnonzero(rates == 0)
        share = len(zero) / len(rates)
        if len(zero) < 2 or share < self.zero_share:
            return None
        first, last = int(epochs[zero[0]]), int(epochs[zero[-1]])
        inside = loss.value[(loss.epoch > first) & (loss.epoch <= last)]
        # A rate printed with too few digits reads as zero too, but then the loss goes on falling.
        if len(inside) < 2 or np.ptp(inside) > max(6 * loss.noise, 0.02 * max(loss.gain, loss.rise)):
            return None
        peak = float(rates.max())
        return self.finding(
            f"the learning rate is zero in {len(zero)} of {len(rates)} epochs (from epoch {first} on)",
            confidence=confidence(ratio(share, self.zero_share), ratio(len(zero), 1)),
            evidence=[
                self._evidence(curve, (first, last), share, self.zero_share, "share of epochs at zero")
            ],
            remedies=(cosine_decay(signals, peak if peak > 0 else 1e-3),),
            severity=Severity.ERROR if share > 0.9 else Severity.WARNING,
        )

    def _rose(self, signals: Signals, curve: Curve, loss: Shape) -> Finding | None:
        epochs, rates = finite_rates(curve)
        positive = rates > 0
        epochs, rates = epochs[positive], rates[positive]
        if len(rates) < self.min_epochs or loss.gain <= 0:
            return None
        top = len(rates) - 1 - int(np.argmax(rates[::-1]))
        low = int(np.argmin(rates[: top + 1]))
        if top < 0.2 * len(rates) or rates[top] < self.rise * rates[low]:
            return None
        before = float(
            loss.smooth[: max(int(np.searchsorted(loss.epoch, epochs[top], side="right")), 1)].min()
        )
        worse = loss.end - min(before, loss.best)
        if worse < self.loss_rise * loss.gain or worse < 4 * loss.noise or worse < 1.5 * loss.recovered:
            return None
        if loss.best_epoch > epochs[top]:
            return None
        lower = lower_learning_rate(
            signals,
            float(rates[top] / rates[low]),
            f"{number(float(rates[low]))} still worked, the rates after it did not",
        )
        return self.finding(
            f"the learning rate rises from {number(float(rates[low]))} to {number(float(rates[top]))} by epoch "
            f"{int(epochs[top])}, and the training loss from {number(loss.best)} to {number(loss.end)}",
            confidence=confidence(
                ratio(worse, self.loss_rise * loss.gain), ratio(float(rates[top] / rates[low]), self.rise)
            ),
            evidence=[
                self._evidence(
                    curve,
                    (int(epochs[low]), int(epochs[top])),
                    float(rates[top] / rates[low]),
                    self.rise,
                    "rise of the rate",
                ),
                Evidence(
                    series=loss.series,
                    epochs=(loss.best_epoch, loss.last_epoch),
                    observed=worse / loss.gain,
                    threshold=self.loss_rise,
                    note="rise above its best, of its gain",
                ),
            ],
            remedies=(lower, cosine_decay(signals, float(rates[low]))),
        )

    def _used_up(self, signals: Signals, curve: Curve, loss: Shape) -> Finding | None:
        epochs, rates = finite_rates(curve)
        peak = int(np.argmax(rates))
        high = np.flatnonzero(rates > self.used_up * rates[peak])
        start = int(high[-1]) + 1 if len(high) else 0
        left = len(rates) - start
        if left < self.too_early * len(rates) or start <= peak or start < 3:
            return None
        at = int(epochs[start])
        window = max(3, len(rates) // 10)
        since = int(epochs[max(start - window, 0)])
        fell, then = level_at(loss, since) - level_at(loss, at), level_at(loss, at) - loss.end
        if fell < max(0.05 * loss.gain, 4 * loss.noise) or then / left > 0.1 * fell / (at - since):
            return None
        val = signals.val_shape
        if val is not None and level_at(val, since) - level_at(val, at) < 0.02 * val.gain:
            return None
        top = float(rates[peak])
        return self.finding(
            f"the learning rate is down to {number(float(rates[start]))} (peak {number(top)}) at epoch {at}, while "
            f"the loss was still falling; the {left} epochs since won {max(then, 0.0) / loss.gain:.1%} of its gain",
            confidence=confidence(ratio(left / len(rates), self.too_early), ratio(fell, 0.05 * loss.gain)),
            evidence=[
                self._evidence(
                    curve, (at, int(epochs[-1])), left / len(rates), self.too_early, "share of the run left"
                ),
                Evidence(
                    series=loss.series,
                    epochs=(since, at),
                    observed=fell / loss.gain,
                    threshold=0.05,
                    note="fall just before, of its gain",
                ),
            ],
            remedies=(cosine_decay(signals, top),),
            severity=Severity.NOTE if signals.level.grade == "good" else Severity.WARNING,
        )

    def _no_effect(self, signals: Signals, curve: Curve, loss: Shape) -> Finding | None:
        drops = drops_of(curve, loss)
        if signals.level.grade == "good" or len(drops) < 2 or drops[-1].after > 0.1 * drops[0].before:
            return None
        won = level_at(loss, drops[0].epoch - 1) - loss.end
        left = loss.last_epoch - drops[0].epoch + 1
        if won > max(0.01 * loss.gain, 3 * loss.noise) or left < max(8, 0.2 * len(loss)) or loss.gain <= 0:
            return None
        return self.finding(
            f"{len(drops)} drops of the learning rate ({number(drops[0].before)} to {number(drops[-1].after)}, epochs "
            f"{', '.join(str(drop.epoch) for drop in drops[:5])}) won nothing: the rate is not what holds the loss",
            confidence=confidence(
                1 + (0.01 * loss.gain - won) / (0.01 * loss.gain), ratio(len(drops), 2), sharpness=0.8
            ),
            evidence=[self._drop_evidence(loss, drop) for drop in drops[:5]],
            remedies=self._after_drops(signals),
            severity=Severity.NOTE,
        )

    @staticmethod
    def _after_drops(signals: Signals) -> tuple[Remedy, ...]:
        return present(early_stopping(signals), more_capacity())

    @staticmethod
    def _drop_evidence(loss: Shape, drop: Drop) -> Evidence:
        return Evidence(
            series=loss.series,
            epochs=(drop.epoch, drop.epoch),
            observed=drop.fall / loss.gain,
            threshold=0.01,
            note=f"fall after the rate went from {number(drop.before)} to {number(drop.after)}, of its gain",
        )

    @staticmethod
    def _evidence(
        curve: Curve, epochs: tuple[int, int], observed: float, threshold: float, note: str
    ) -> Evidence:
        return Evidence(series=curve.series, epochs=epochs, observed=observed, threshold=threshold, note=note)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(60, 2.3, 0.2, 0.04, 0.005)
        yield Example(
            "used up after a third of the run",
            {
                "loss": fall[:20] + line(40, fall[19], fall[19] - 0.01, 0.005),
                "val_loss": fall[:20] + line(40, fall[19] + 0.02, fall[19], 0.005),
                "learning_rate": line(20, 0.01, 0.0005) + [1e-5] * 40,
            },
        )
        yield Example(
            "zero after the warm-up",
            {"loss": fall[:8] + line(32, fall[7], fall[7], 0.002), "learning_rate": [1e-3] * 8 + [0.0] * 32},
        )
        yield Example(
            "a ramp that tears the loss up",
            {
                "loss": decay(30, 2.3, 0.8, 0.2, 0.01) + line(20, 0.9, 2.0, 0.02),
                "val_loss": decay(30, 2.3, 0.9, 0.2, 0.01) + line(20, 1.0, 2.2, 0.02),
                "learning_rate": [1e-4 * 1.15**epoch for epoch in range(50)],
            },
        )
        flat = decay(20, 2.3, 1.5, 0.5, 0.004) + line(40, 1.5, 1.5, 0.004)
        yield Example(
            "ReduceLROnPlateau without effect",
            {"loss": flat, "learning_rate": [1e-3] * 25 + [1e-4] * 6 + [1e-5] * 6 + [1e-6] * 23},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        epoch = np.arange(60)
        cosine = [float(v) for v in 0.5e-3 * (1 + np.cos(np.pi * epoch / 59))]
        healthy = {"loss": decay(60, 2.3, 0.2, 0.08, 0.01), "val_loss": decay(60, 2.3, 0.3, 0.08, 0.01, 1)}
        yield Example("cosine to zero", {**healthy, "learning_rate": cosine})
        yield Example(
            "step schedule that helps",
            {
                "loss": decay(30, 2.3, 0.6, 0.3, 0.005) + decay(30, 0.45, 0.3, 0.3, 0.005),
                "val_loss": decay(30, 2.3, 0.7, 0.3, 0.005) + decay(30, 0.55, 0.45, 0.3, 0.005),
                "learning_rate": [0.1] * 30 + [0.01] * 20 + [0.001] * 10,
            },
        )
        yield Example("warm-up, then cosine", {**healthy, "learning_rate": line(5, 1e-5, 1e-3) + cosine[5:]})
        restarts = [float(v) for v in 0.5e-3 * (1.02 + np.cos(np.pi * (epoch % 20) / 20))]
        bumps = [float(v) for v in np.array(healthy["loss"]) * (1 + 0.2 * np.exp(-(epoch % 20) / 2))]
        yield Example("warm restarts", {"loss": bumps, "learning_rate": restarts})
        yield Example("one rate throughout", {**healthy, "learning_rate": [1e-3] * 60})
