from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.cells.tail import bounces
from traindiag.analysis.shape import Shape, swing
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import (
    lower_learning_rate,
    more_capacity,
    present,
    raise_learning_rate,
    reduce_on_plateau,
    smaller_batch,
)


class Plateau(Rule):
    """Both losses stopped falling at a poor level: a bottleneck.

    ## Why it matters
    More epochs will not help. Something holds the network: a step size that no longer fits, too little
    capacity, or too much regularisation.

    ## Evidence
    No trend beyond noise in either loss over the last third of the run, at a level that an accuracy (or
    another metric of known chance level, or what guessing costs) shows to be poor, or below a training accuracy
    that had been reached before, or with a training loss that bounces by a visible part of all it gained.
    Little gain alone proves nothing: a resumed or fine-tuned run starts good.

    ## Remedies
    When the training loss bounces: lower the learning rate. When it is smooth: a smaller batch or a higher
    learning rate (never both at once), then capacity.

    ## When to ignore
    When the level is as good as the data allow.

    ## References
    Smith, Cyclical Learning Rates for Training Neural Networks, 2017. Keras,
    `keras.callbacks.ReduceLROnPlateau`.
    """

    code = "TD103"
    name = "plateau"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading, train = signals.reading, signals.train_shape or signals.val_shape
        if reading is None or reading.cell != "plateau" or train is None:
            return
        if signals.level.lost:
            why = "what was learned and lost again was reached in steps too large to keep it"
            remedies = present(lower_learning_rate(signals, 10, why), reduce_on_plateau(signals))
        elif bounces(train) or any(
            _swings(shape) for shape in (train, signals.val_shape) if shape is not None
        ):
            remedies = present(
                lower_learning_rate(
                    signals, 10, "the training loss bounces around the valley instead of sinking into it"
                ),
                reduce_on_plateau(signals),
                more_capacity(),
            )
        else:
            remedies = present(
                smaller_batch(signals),
                raise_learning_rate(
                    signals, 3, "a smooth, flat loss means steps too small to leave the flat region"
                ),
                more_capacity(),
            )
        yield self.finding(
            reading.reason, confidence=reading.confidence, evidence=reading.evidence, remedies=remedies
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "flat at accuracy 0.35 of ten classes",
            {
                "loss": decay(40, 2.3, 1.7, 0.4, 0.004),
                "val_loss": decay(40, 2.3, 1.75, 0.4, 0.004, 1),
                "accuracy": decay(40, 0.1, 0.36, 0.4, 0.01),
                "val_accuracy": decay(40, 0.1, 0.35, 0.4, 0.01, 1),
            },
        )
        yield Example(
            "bounces at accuracy 0.3",
            {
                "loss": decay(40, 2.4, 1.9, 0.5, 0.04),
                "val_loss": decay(40, 2.4, 1.95, 0.5, 0.05, 1),
                "val_accuracy": decay(40, 0.1, 0.3, 0.5, 0.05, 1),
            },
        )
        yield Example(
            "levelled off, after most of what was learned was lost",
            {
                "loss": decay(40, 2.0, 0.5, 0.4, 0.01),
                "val_loss": decay(40, 2.0, 0.8, 0.4, 0.02, 1),
                "accuracy": [*decay(10, 0.6, 0.9, 0.5), *decay(30, 0.89, 0.72, 0.5, 0.005)],
                "val_accuracy": [*decay(10, 0.6, 0.85, 0.5), *decay(30, 0.84, 0.7, 0.5, 0.01, 1)],
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        good = {
            "loss": decay(40, 2.3, 0.2, 0.2, 0.02),
            "val_loss": decay(40, 2.3, 0.3, 0.2, 0.02, 1),
            "val_accuracy": decay(40, 0.1, 0.92, 0.2, 0.005),
        }
        yield Example("converged at a good level", good)
        yield Example(
            "resumed at a good level",
            {
                "loss": line(30, 0.22, 0.21, 0.02),
                "val_loss": line(30, 0.30, 0.30, 0.02, 1),
                "val_accuracy": line(30, 0.91, 0.915, 0.003),
            },
            first_epoch=40,
        )
        yield Example(
            "flat without any evidence of its level",
            {"loss": line(30, 0.22, 0.215, 0.02), "val_loss": line(30, 0.30, 0.30, 0.02, 1)},
        )


def _swings(shape: Shape) -> bool:
    """Whether the end of a loss goes to and fro by a few percent of all it gained."""
    deviation, turns = swing(shape)
    return turns > 0.4 and deviation > 0.03 * shape.gain
