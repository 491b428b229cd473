from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.half_epoch import paired_at_epoch_end
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import check_data, number, present


class ValBelowTrain(Rule):
    """Validation stays better than training: dropout or augmentation, an easier validation set, or a leak.

    ## Why it matters
    Most often it is harmless: dropout and augmentation burden training only. But the same picture is what
    validation samples leaked into training, or a validation set of easy samples, look like, and then the
    validation loss promises too much.

    ## Evidence
    Keras' training loss is the mean over an epoch and so half an epoch older than the validation loss. The
    training curve is interpolated to the end of each epoch first; what is left must lie on one side in nine
    of ten epochs of the second half, by a tenth of the training loss and more than the noise of both. The
    model JSON, where logged, tells whether any layer acts in training only. A warning when none does and
    validation has half the training loss or less.

    ## Remedies
    Evaluate the training set with `model.evaluate`, where dropout is off; look for duplicates across the split.

    ## When to ignore
    Dropout, augmentation, mixup, label smoothing, or penalty terms that are counted in training only.

    ## References
    keras.io, FAQ, "Why is my training loss much higher than my testing loss?". Kapoor and Narayanan, Leakage
    and the reproducibility crisis in machine-learning-based science, 2023.
    """

    code = "TD302"
    name = "val-below-train"
    severity = Severity.NOTE
    needs: ClassVar[tuple[str, ...]] = ("train/loss", "val/loss")
    min_epochs = 8

    margin: float = option(0.1, "how far validation lies below training, as a fraction of training",
                           "a fifth of the gap that dropout of one half leaves on small networks")  # fmt: skip
    share: float = option(
        0.9, "share of epochs of the second half in which it does", "one side beyond chance"
    )
    suspicious: float = option(0.5, "validation over training loss that no sampling noise explains",
                               "training-doctor warns below 0.8, before any shift is taken out")  # fmt: skip

    def judge(self, signals: Signals) -> Iterator[Finding]:
        train, val = signals.train_shape, signals.val_shape
        if train is None or val is None or signals.train is None or signals.val is None:
            return
        if not (train.positive and val.positive) or signals.train.mode == "max":
            return
        epochs, learned, judged = paired_at_epoch_end(signals.train, signals.val)
        half = len(epochs) // 2
        epochs, learned, judged = epochs[half:], learned[half:], judged[half:]
        if len(epochs) < 4:
            return
        below = float(np.mean(judged < learned))
        relative = float(np.median(judged / learned))
        gap = float(np.median(learned - judged))
        noise = max(train.noise, val.noise)
        if below < self.share or 1 - relative < self.margin or gap < 2 * noise:
            return
        layers = signals.keras.random_layers
        suspicious = signals.keras.known and not layers and relative <= self.suspicious
        yield self.finding(
            f"validation stays below training (loss at {relative:.0%} of it, the half-epoch shift taken out)"
            f"{self._explained(signals)}",
            confidence=confidence(ratio(1 - relative, self.margin), ratio(gap, 2 * noise), sharpness=0.8),
            evidence=[
                Evidence(
                    series=signals.val.series,
                    epochs=(int(epochs[0]), int(epochs[-1])),
                    observed=relative,
                    threshold=1 - self.margin,
                    note="validation loss over training loss at the end of the same epoch",
                ),
                Evidence(
                    series=signals.val.series,
                    epochs=(int(epochs[0]), int(epochs[-1])),
                    observed=below,
                    threshold=self.share,
                    note="share of epochs in which it is below",
                ),
            ],
            remedies=self._remedies(bool(layers)),
            severity=Severity.WARNING if suspicious else Severity.NOTE,
        )

    @staticmethod
    def _explained(signals: Signals) -> str:
        if not signals.keras.known:
            return ""
        rates = [f"{name} ({number(rate)})" for name, rate in signals.keras.dropout]
        names = rates or list(signals.keras.random_layers)
        if names:
            return f"; {', '.join(names[:3])} in the model may explain it"
        return "; no layer of the model acts in training only"

    @staticmethod
    def _remedies(random_layers: bool) -> tuple[Remedy, ...]:
        same = Remedy(
            action="evaluate-training-data",
            change="evaluate the training set as validation is: model.evaluate switches dropout and noise off",
            why="if the difference vanishes, it came from layers that act only in training",
            snippet="print(model.evaluate(x, y, verbose=0), model.evaluate(x_val, y_val, verbose=0))",
        )
        leak = check_data(
            "look for samples that are in both sets, and for one person, place or recording on both sides of the split",
            "a validation set that shares samples with training promises too much",
            "seen = {sample.tobytes() for sample in x}\n"
            "print(sum(sample.tobytes() in seen for sample in x_val), 'of', len(x_val), 'are in training too')",
        )
        return present(same, leak) if random_layers else present(leak, same)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example(
            "dropout burdens training",
            {"loss": decay(40, 2.3, 0.8, 0.1, 0.01), "val_loss": decay(40, 2.0, 0.5, 0.1, 0.01, 1)},
        )
        dense = {"class_name": "Dense", "config": {"name": "head", "units": 10, "activation": "softmax"}}
        yield Example(
            "no layer explains it",
            {"loss": decay(40, 2.3, 0.8, 0.1, 0.01), "val_loss": decay(40, 1.0, 0.2, 0.1, 0.01, 1)},
            params={"keras": {"class_name": "Sequential", "config": {"name": "m", "layers": [dense]}}},
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        epoch = np.arange(30)
        mean = [float(v) for v in 2.3 * np.exp(-0.1 * (epoch + 0.5))]
        end = [float(v) for v in 2.3 * np.exp(-0.1 * (epoch + 1.0))]
        yield Example("the same curve, seen half an epoch later", {"loss": mean, "val_loss": end})
        yield Example(
            "healthy, with the usual gap",
            {"loss": decay(40, 2.3, 0.25, 0.12, 0.01), "val_loss": decay(40, 2.3, 0.35, 0.12, 0.02, 1)},
        )
        yield Example(
            "noisy and level with training",
            {"loss": line(40, 0.5, 0.48, 0.05), "val_loss": line(40, 0.49, 0.47, 0.1, 1)},
        )
