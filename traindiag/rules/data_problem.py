from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.signals import Signals
from traindiag.model.finding import Finding, Severity
from traindiag.rules.base import Example, Rule
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import check_data, overfit_one_batch


class DataProblem(Rule):
    """Validation improves and training does not: the two data sets disagree.

    ## Why it matters
    A network cannot learn for validation what it does not learn from training. When it seems to, the
    training targets are wrong or random, or the two splits are not of one kind.

    ## Evidence
    The validation loss falls by many times its noise while the training loss falls by less than a fifth of
    that, over the whole run; or validation is answered far better than training, whose accuracy stays near
    chance; or, at the end, training rises while validation falls.

    ## Remedies
    Look at thirty training samples with their labels, as they enter the network, after shuffling and
    augmentation. Check that inputs and labels are shuffled together and that augmentation keeps the label.

    ## When to ignore
    Heavy dropout, mixup or label smoothing can keep the training loss high while validation, judged without
    them, falls; a training loss that carries extra terms may also hide its fall.

    ## References
    Zhang, Bengio, Hardt, Recht and Vinyals, Understanding deep learning requires rethinking generalization,
    2017: fixed random labels are memorised, so a training loss that stays flat means labels that keep
    changing or inputs without their labels.
    """

    code = "TD102"
    name = "data-problem"
    severity = Severity.ERROR
    needs: ClassVar[tuple[str, ...]] = ("train/loss", "val/loss")

    def judge(self, signals: Signals) -> Iterator[Finding]:
        reading = signals.reading
        if reading is None or reading.cell != "data-problem":
            return
        look = check_data(
            "look at 30 training samples beside their labels exactly as they enter fit(), after shuffling and "
            "augmentation, and at 30 of validation",
            "validation is learned, so the network works; what is wrong is in the training samples or labels",
            "x, y = next(iter(train_data))\nfor image, label in zip(x[:30], y[:30]):\n    print(label, np.mean(image))",
        )
        pairs = check_data(
            "check that inputs and labels are shuffled with one permutation and drawn anew from the same pairs",
            "labels that change from epoch to epoch keep the training loss at chance for ever",
            "order = np.random.permutation(len(x))\nx, y = x[order], y[order]",
        )
        yield self.finding(
            reading.reason,
            confidence=reading.confidence,
            evidence=reading.evidence,
            remedies=(look, pairs, overfit_one_batch()),
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "training labels drawn anew each epoch",
            {"loss": line(40, 2.303, 2.295, 0.0005), "val_loss": decay(40, 2.21, 2.05, 0.1, 0.002)},
        )
        yield Example(
            "training rises late while validation falls",
            {
                "loss": decay(30, 2.0, 0.6, 0.2) + line(20, 0.62, 1.1, 0.01),
                "val_loss": line(50, 2.0, 1.0, 0.005),
            },
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example(
            "dropout: training above validation, both fall",
            {"loss": decay(40, 2.3, 0.8, 0.1, 0.01), "val_loss": decay(40, 1.9, 0.4, 0.1, 0.01)},
        )
        yield Example(
            "fine-tuned: both nearly flat",
            {"loss": line(30, 0.21, 0.19, 0.01), "val_loss": line(30, 0.25, 0.24, 0.01)},
        )
        yield Example(
            "noisy training, validation falls by less than that noise",
            {"loss": line(40, 3.16, 3.15, 0.01), "val_loss": line(40, 3.21, 3.204)},
        )
