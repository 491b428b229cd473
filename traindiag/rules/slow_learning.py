from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.level import as_fraction
from traindiag.analysis.shape import Shape
from traindiag.analysis.signals import Signals
from traindiag.analysis.slope import theil_sen
from traindiag.analysis.smoothing import smooth
from traindiag.model.finding import Evidence, Finding
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import overfit_one_batch, raise_learning_rate


class SlowLearning(Rule):
    """The loss falls nearly straight and far too slowly: the steps are too small.

    ## Why it matters
    A training that works falls fast at first and then bends. One that is still on a straight line after many
    epochs, having come down by a few percent, would need thousands more.

    ## Evidence
    The loss (training or validation, whichever is less noisy) fell by less than a tenth of its start over at
    least twenty epochs (or, on a really straight line, so slowly that it would need four hundred epochs or more
    to reach zero; or by less than half, where the log knows that guessing would still cost less), the last half
    as fast as the first; no accuracy rose visibly.

    ## Remedies
    Raise the learning rate tenfold, or search for the largest rate at which the loss still falls.

    ## When to ignore
    Fine-tuning with a small rate on purpose; a loss with a large constant part.

    ## References
    Smith, Cyclical Learning Rates for Training Neural Networks, 2017 (learning rate range test).
    """

    code = "TD204"
    name = "slow-learning"
    min_epochs = 20

    max_fall: float = option(0.1, "a loss that fell by more than this fraction of its start is not slow",
                             "seeded runs with a tiny rate fall by at most 3.1 %")  # fmt: skip
    straightness: float = option(0.5, "slope of the second half as a fraction of the first half's",
                                 "a straight line has 1, an exponential fall to a tenth 0.3")  # fmt: skip
    max_accuracy_gain: float = option(0.1, "an accuracy that rose by this much is learning",
                                      "seeded runs with a tiny rate gain at most 0.04")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        shapes = [shape for shape in (signals.train_shape, signals.val_shape) if shape is not None]
        shapes = [shape for shape in shapes if len(shape) >= self.min_epochs and shape.positive]
        if not shapes or signals.resumed or signals.level.grade == "good":
            return
        shape = max(shapes, key=lambda each: each.gain / each.noise if each.noise > 0 else np.inf)
        fall = max(1 - each.kept for each in shapes)
        straight = straightness(shape)
        # A straight fall by this much would need four hundred epochs to reach zero.
        longest = min(max(self.max_fall, len(shape) / 400), 0.25)
        if signals.level.skill < 0:  # After all of it still worse than guessing.
            longest = 0.5
        if fall > longest or shape.gain < 4 * shape.noise:
            return
        if straight < (self.straightness if fall <= self.max_fall else 0.8):
            return
        if shape.rise > 0.25 * shape.gain or self._learns(signals):
            return
        yield self.finding(
            f"the loss fell by only {fall:.1%} in {len(shape)} epochs, and as slowly at the end as at the start",
            confidence=confidence(ratio(longest, max(fall, 1e-3)), ratio(straight, self.straightness)),
            evidence=[
                Evidence(
                    series=shape.series,
                    epochs=(shape.first_epoch, shape.last_epoch),
                    observed=float(fall),
                    threshold=longest,
                    note="fall, of the start",
                ),
                Evidence(
                    series=shape.series,
                    epochs=(shape.first_epoch, shape.last_epoch),
                    observed=straight,
                    threshold=self.straightness,
                    note="slope of the second half, of the first half's",
                ),
            ],
            remedies=(
                raise_learning_rate(
                    signals, 10, "a straight, slow fall means steps far smaller than the valley"
                ),
                overfit_one_batch(),
            ),
        )

    def _learns(self, signals: Signals) -> bool:
        for split in ("train", "val"):
            curve = signals.accuracy(split)
            if curve is not None and len(curve) >= 5:
                course = smooth(as_fraction(curve).value[np.isfinite(curve.value)])
                if len(course) and course[-1] - course[0] >= self.max_accuracy_gain:
                    return True
        return False

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "tiny learning rate", {"loss": line(50, 4.38, 4.25, 0.002), "val_loss": line(50, 4.79, 4.63)}
        )
        yield Example(
            "tiny learning rate, training noise hides the fall",
            {"loss": line(50, 3.16, 3.15, 0.01), "val_loss": line(50, 3.21, 3.204)},
        )
        yield Example(
            "a straight fall, still above what guessing costs",
            {"loss": line(50, 3.2, 2.7, 0.005), "val_loss": line(50, 3.3, 2.9, 0.005, 1)},
            params={"chance_loss": {"train": 1.0, "val": 1.0}},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "short run, straight fall", {"loss": line(14, 1.6, 1.4, 0.01), "val_loss": line(14, 1.59, 1.39)}
        )
        yield Example(
            "a fall that bends", {"loss": decay(60, 2.3, 2.1, 0.1), "val_loss": decay(60, 2.3, 2.12, 0.1)}
        )
        yield Example(
            "fine-tuned at a good level",
            {
                "loss": line(40, 0.22, 0.21, 0.005),
                "val_loss": line(40, 0.25, 0.245),
                "val_accuracy": line(40, 0.92, 0.925, 0.001),
            },
        )


def straightness(shape: Shape) -> float:
    """Slope of the second half as a fraction of the first half's; 0 when the first half does not fall."""
    half = len(shape) // 2
    first, second = theil_sen(shape.value[:half]), theil_sen(shape.value[half:])
    return float(np.clip(second / first, 0.0, 2.0)) if first < 0 else 0.0
