from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import as_fraction
from traindiag.analysis.noise import point_noise
from traindiag.analysis.sample_size import binomial_half_width, validation_samples
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import larger_validation_set, number


class NoisyValidation(Rule):
    """Validation is too noisy to tell one epoch from another: the validation set is too small.

    ## Why it matters
    The best epoch, the patience of EarlyStopping and the choice between two models then follow chance. The
    lowest point of a noisy curve is always too good to be true.

    ## Evidence
    The loss: one point of validation jumps by a seventh or more of all that was gained, and several times as
    much as training does. The accuracy: the number of validation samples, from the configuration or
    from the grid k/N on which the accuracies lie, gives the 95 % interval of one epoch's accuracy; a note
    when it is wider than 10 points and wider than all that the second half of the run changed. Half as much
    again in either is a warning.

    ## Remedies
    More validation samples (the message says how many for an interval of 2 points), k folds, or a mean over
    several epochs before epochs are compared.

    ## When to ignore
    When the epochs are not compared and the last weights are used.

    ## References
    Wilson, Probable inference, 1927 (interval of a share). Bouthillier and others, Accounting for Variance in
    Machine Learning Benchmarks, 2021.
    """

    code = "TD303"
    name = "noisy-validation"
    needs: ClassVar[tuple[str, ...]] = ("val/loss",)
    min_epochs = 12

    of_gain: float = option(0.15, "noise of one validation point, as a fraction of validation's gain",
                            "trainspotter warns at 15 % of the gain")  # fmt: skip
    over_train: float = option(
        4.0, "noise of validation over that of training", "a set of a sixteenth of the size"
    )
    interval: float = option(
        0.1, "95 % interval of one accuracy that is too wide", "ten points either way hide all"
    )
    warn: float = option(1.5, "this many times either limit is a warning",
                         "the noisiest healthy labelled and public runs stay below")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        val = signals.val_shape
        if val is None or len(val) < self.min_epochs:
            return
        found = [
            each for each in (self._by_loss(signals, val), self._by_interval(signals)) if each is not None
        ]
        yield from sorted(found, key=lambda each: -each.severity.rank)[:1]

    def _by_loss(self, signals: Signals, val: Shape) -> Finding | None:
        train = signals.train_shape
        if train is None or len(train) < self.min_epochs or signals.val is None or train.gain <= 0:
            return None
        # The whole curve's noise: a late outbreak is another matter.
        noise = min(val.noise, point_noise(val.value))
        # Up to the level of the second half: the best of a noisy curve is an extreme, no level. A run that
        # starts near its level gains little in validation: what training gained counts then.
        gain = max(val.start - float(np.median(val.smooth[len(val) // 2 :])), train.gain)
        learned = train.gain > 10 * train.noise
        of_gain, over = noise / gain, noise / max(train.noise, 1e-300)
        if not learned or of_gain < self.of_gain or over < self.over_train:
            return None
        if val.rise > 3 * noise:
            return None
        samples = self._samples(signals)
        known = f" ({samples} samples)" if samples else ""
        # A resumed run gains so little that any noise is much of it.
        weighty = not val.positive or noise > 0.2 * val.end
        return self.finding(
            f"one point of the validation loss{known} jumps by {number(noise)}, {of_gain:.0%} of all that was gained: "
            "its best epoch is chance",
            confidence=confidence(ratio(of_gain, self.of_gain), ratio(over, self.over_train)),
            evidence=[
                Evidence(
                    series=val.series,
                    epochs=(val.first_epoch, val.last_epoch),
                    observed=of_gain,
                    threshold=self.of_gain,
                    note="noise of one point, of the gain",
                ),
                Evidence(
                    series=val.series,
                    epochs=(val.first_epoch, val.last_epoch),
                    observed=over,
                    threshold=self.over_train,
                    note="noise of one point over that of training",
                ),
            ],
            remedies=(
                larger_validation_set(samples, None if samples is None else 8 * samples),
                self._average(),
            ),
            severity=Severity.WARNING if of_gain >= self.warn * self.of_gain and weighty else Severity.NOTE,
        )

    def _by_interval(self, signals: Signals) -> Finding | None:
        curve, samples = signals.accuracy("val"), self._samples(signals)
        if curve is None or samples is None:
            return None
        value = as_fraction(curve).value
        value = value[np.isfinite(value)]
        half = value[len(value) // 2 :]
        if len(half) < 4:
            return None
        level = float(np.median(half))
        width = binomial_half_width(level, samples)
        moved = float(np.quantile(half, 0.9) - np.quantile(half, 0.1))
        if width < self.interval or moved > 2 * width or moved == 0:
            return None
        wanted = round(level * (1 - level) * (1.96 / 0.02) ** 2)
        return self.finding(
            f"{samples} validation samples: one epoch's {curve.metric} of {level:.2f} is known to ±{width:.2f} only, "
            "more than the second half of the run changed",
            confidence=confidence(ratio(width, self.interval), ratio(2 * width, moved)),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[len(value) // 2]), int(curve.epoch[-1])),
                    observed=width,
                    threshold=self.interval,
                    note=f"half width of the 95 % interval of an accuracy on {samples} samples",
                )
            ],
            remedies=(larger_validation_set(samples, max(wanted, 2 * samples)), self._average()),
            severity=Severity.WARNING if width >= self.warn * self.interval else Severity.NOTE,
        )

    @staticmethod
    def _samples(signals: Signals) -> int | None:
        curve = signals.accuracy("val")
        return validation_samples(signals.params, np.empty(0) if curve is None else as_fraction(curve).value)

    @staticmethod
    def _average() -> Remedy:
        return Remedy(
            action="average-weights",
            change="keep a running average of the weights and judge that: its validation loss jumps less",
            why="a mean over many steps does not depend on which batch came last",
            snippet="model.compile(optimizer=keras.optimizers.Adam(use_ema=True), loss=model.loss)\n"
            "model.fit(..., callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])",
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        noise = np.random.default_rng(3).normal(0, 0.6, 40)
        jumps = [float(v) for v in np.array(decay(40, 4.3, 2.5, 0.1)) + noise]
        yield Example(
            "a handful of validation samples", {"loss": decay(40, 2.3, 0.4, 0.1, 0.005), "val_loss": jumps}
        )
        hits = np.random.default_rng(1).binomial(30, 0.8, 40)
        yield Example(
            "accuracies on a grid of thirtieths",
            {
                "loss": decay(40, 2.3, 0.4, 0.1, 0.005),
                "val_loss": decay(40, 2.3, 0.5, 0.1, 0.02),
                "val_accuracy": [float(v) for v in hits / 30],
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "noisy but healthy",
            {"loss": decay(60, 2.3, 0.3, 0.1, 0.05), "val_loss": decay(60, 2.3, 0.4, 0.1, 0.12, 3)},
        )
        yield Example(
            "converged",
            {"loss": decay(80, 2.3, 0.2, 0.2, 0.01), "val_loss": decay(80, 2.3, 0.3, 0.2, 0.02, 1)},
        )
        hits = np.random.default_rng(1).binomial(5000, 0.8, 40)
        yield Example(
            "five thousand samples",
            {
                "loss": decay(40, 2.3, 0.4, 0.1, 0.005),
                "val_loss": decay(40, 2.3, 0.5, 0.1, 0.02),
                "val_accuracy": [float(v) for v in hits / 5000],
            },
        )
        yield Example(
            "both swing alike",
            {"loss": line(40, 2.0, 1.0, 0.1), "val_loss": line(40, 2.0, 1.1, 0.15, 1)},
        )
