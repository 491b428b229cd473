from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from traindiag.analysis.chance import Stuck, read_stuck
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import (
    check_data,
    overfit_one_batch,
    present,
    raise_learning_rate,
    weigh_classes,
)


class StuckAtChance(Rule):
    """Nothing was learned: the network answers no better than by guessing.

    ## Why it matters
    The run looks busy and produces nothing. The cause is nearly always one line: the wrong loss for the last
    activation, labels that do not match, dead units, a learning rate of zero or far too large.

    ## Evidence
    The accuracy never moved from where it began, near 1/classes or the majority's share, and the training
    loss kept nearly all of its start; or the accuracy is one constant while the loss moves; or, in a log
    without accuracy that begins at epoch 0, the training loss stays within two percent of its first value with
    hardly any noise and the validation loss wins nothing. A loss that falls for 30 epochs and more while every
    accuracy stays at chance falls by its penalty, or unlearns a bad start. A loss's own value counts only
    where the log knows what guessing costs (`chance_loss`, which capture records): at its best it is less than
    5 % below that, and no longer falls.

    ## Remedies
    Overfit one batch first. Check loss against last activation, label encoding and shuffling, and that
    weights change at all; then another learning rate.

    ## When to ignore
    A resumed run that had converged before. Data whose majority share is the best that can be reached.

    ## References
    Karpathy, A Recipe for Training Neural Networks, 2019 ("overfit one batch"). Glorot and Bengio,
    Understanding the difficulty of training deep feedforward neural networks, 2010.
    """

    code = "TD205"
    name = "stuck-at-chance"
    severity = Severity.ERROR

    min_fall: float = option(0.1, "a training loss that fell by this fraction of its start has learned something",
                             "seeded runs with zero weights fall by at most 5 %")  # fmt: skip
    min_accuracy_gain: float = option(0.1, "an accuracy that rose by this much has learned something",
                                      "seeded runs with zero weights gain at most 0.05")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        stuck = read_stuck(signals, self.min_fall, self.min_accuracy_gain)
        if stuck is None:
            return
        yield self.finding(
            stuck.reason,
            confidence=stuck.confidence,
            evidence=stuck.evidence,
            remedies=self._remedies(signals, stuck),
            severity=Severity.ERROR if stuck.sure else Severity.WARNING,
        )

    @staticmethod
    def _remedies(signals: Signals, stuck: Stuck) -> tuple[Remedy, ...]:
        wiring = check_data(
            "check that the loss fits the last layer (softmax with sparse_categorical_crossentropy and integer labels, "
            "sigmoid with binary_crossentropy, linear with mse) and that labels and inputs belong together",
            "a wrong pair trains without any error and learns nothing",
            "print(model.layers[-1].activation, model.loss, y[:10])",
        )
        rate = raise_learning_rate(
            signals, 10, "with weights that hardly move a higher rate shows at once whether it learns"
        )
        share = stuck.majority
        imbalanced = share > max(0.6, 1.5 / (signals.classes or 2))
        return present(weigh_classes(share) if imbalanced else None, overfit_one_batch(), wiring, rate)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "accuracy stays at one tenth",
            {
                "loss": line(40, 2.303, 2.298, 0.0005),
                "val_loss": line(40, 2.305, 2.31, 0.0005, 1),
                "accuracy": line(40, 0.1, 0.108, 0.03),
                "val_accuracy": [0.102] * 40,
            },
        )
        yield Example(
            "one class is always predicted",
            {
                "loss": line(30, 0.69, 0.66, 0.002),
                "val_loss": line(30, 0.69, 0.67),
                "val_accuracy": [0.627] * 30,
            },
        )
        yield Example(
            "the common class of an imbalanced data set is always predicted",
            {
                "loss": line(30, 0.42, 0.4, 0.002),
                "val_loss": line(30, 0.41, 0.4),
                "accuracy": line(30, 0.86, 0.862, 0.002),
                "val_accuracy": [0.86] * 30,
            },
        )
        yield Example("constant loss", {"loss": [0.83] * 12, "val_loss": [0.968] * 12})
        yield Example(
            "a regression that never gets below what guessing costs",
            {"loss": decay(30, 1.6, 0.99, 0.5, 0.01), "val_loss": decay(30, 1.7, 1.01, 0.5, 0.01, 1)},
            params={"chance_loss": {"train": 1.0, "val": 1.0}},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "fine-tuned from a good start",
            {
                "loss": line(30, 0.21, 0.2, 0.01),
                "val_loss": line(30, 0.25, 0.25, 0.01, 1),
                "accuracy": line(30, 0.93, 0.935, 0.002),
                "val_accuracy": line(30, 0.92, 0.921, 0.002, 1),
            },
        )
        yield Example(
            "learns after a slow start",
            {
                "loss": line(10, 2.303, 2.29) + decay(30, 2.28, 0.4, 0.15),
                "val_loss": line(10, 2.303, 2.29) + decay(30, 2.28, 0.5, 0.15),
                "accuracy": line(10, 0.1, 0.12) + [float(v) for v in np.linspace(0.15, 0.9, 30)],
            },
        )
        yield Example(
            "resumed regression without accuracy",
            {"loss": line(40, 0.31, 0.308, 0.002), "val_loss": line(40, 0.35, 0.349, 0.002, 1)},
            first_epoch=60,
        )
        yield Example(
            "a regression that explains half of the variance",
            {"loss": decay(30, 1.1, 0.5, 0.5, 0.01), "val_loss": decay(30, 1.1, 0.55, 0.5, 0.01, 1)},
            params={"chance_loss": {"train": 1.0, "val": 1.0}},
        )
