from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.gradients import gradient_norm, layer_norms
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import number


class VanishingGradient(Rule):
    """Hardly any gradient reaches the first layers, or none at all: they do not learn.

    ## Why it matters
    The layers near the input keep their random weights, and those above them learn from noise.

    ## Evidence
    `gradient_norm/<layer>`: over most of the run the norm of one of the first layers is less than a
    thousandth of the largest. Or `gradient_norm`: it is exactly zero, or fell to a ten-thousandth, while the
    loss kept nearly all of its start. Only ratios within the run count: a gradient has the unit of the loss.
    A warning, but a note where the run ended at a good level all the same.

    ## Remedies
    ReLU with He initialisation instead of sigmoid or tanh; normalisation layers; residual connections.

    ## When to ignore
    Frozen layers have no gradient by right. At the end of a run that fits its data all gradients are small.

    ## References
    Glorot and Bengio, 2010. He, Zhang, Ren and Sun, Delving Deep into Rectifiers, 2015. Zhang and others,
    AutoTrainer, 2021 (first over last layer below 1e-3).
    """

    code = "TD601"
    name = "vanishing-gradient"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 3

    layers: float = option(1e-3, "norm of an early layer over the largest", "AutoTrainer")
    fallen: float = option(
        1e-4, "norm over its start, while the loss learned nothing", "a tenth of the former"
    )
    most: float = option(0.8, "share of epochs in which it holds", "beyond single batches")

    def skip_reason(self, signals: Signals) -> str:
        """Norms are needed, of all gradients or by layer."""
        if gradient_norm(signals) is None and len(layer_norms(signals)) < 2:
            return "no gradient norms in this log"
        return super().skip_reason(signals)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        found = self._by_layer(signals) or self._altogether(signals)
        if found is not None:
            yield found

    def _by_layer(self, signals: Signals) -> Finding | None:
        norms = layer_norms(signals)
        count = min((len(curve) for _, curve in norms), default=0)
        if len(norms) < 2 or count < self.min_epochs:
            return None
        table = np.stack([curve.value[-count:] for _, curve in norms])
        largest = np.max(np.where(np.isfinite(table), table, -np.inf), axis=0)
        if not np.all(largest > 0):
            return None
        early = table[: max(len(norms) // 2, 1)] / largest
        # A layer that is zero throughout is frozen, and that is as it was meant.
        weak = [
            row
            for row in range(len(early))
            if early[row].any() and np.mean(early[row] < self.layers) >= self.most
        ]
        if not weak:
            return None
        names = [norms[row][0] for row in weak]
        level = float(np.median(early[weak[0]]))
        return self._finding(
            signals,
            norms[weak[0]][1],
            f"the gradient of {', '.join(names[:4])} is {number(level)} of the largest layer's: nothing reaches it",
            level,
            self.layers,
            "norm over that of the largest layer",
        )

    def _altogether(self, signals: Signals) -> Finding | None:
        curve, loss = gradient_norm(signals), signals.train_shape
        if curve is None or loss is None or len(curve) < self.min_epochs:
            return None
        value = curve.value[np.isfinite(curve.value)]
        if len(value) < self.min_epochs or loss.gain > max(0.1 * abs(loss.start), 6 * loss.noise):
            return None
        zero = float(np.mean(value == 0))
        if zero >= self.most:
            return self._finding(
                signals,
                curve,
                f"the gradient is exactly zero in {zero:.0%} of the epochs",
                zero,
                self.most,
                "share of epochs at zero",
            )
        start, end = float(np.median(value[:3])), float(np.median(value[-3:]))
        if start <= 0 or end > self.fallen * start:
            return None
        return self._finding(
            signals,
            curve,
            f"the gradient norm fell from {number(start)} to {number(end)} while the loss learned nothing",
            end / start,
            self.fallen,
            "norm at the end over its start",
        )

    def _finding(
        self, signals: Signals, curve: Curve, message: str, observed: float, threshold: float, note: str
    ) -> Finding:
        beyond = ratio(observed, threshold) if observed >= threshold else ratio(threshold, observed)
        return self.finding(
            message,
            confidence=confidence(beyond, ratio(len(curve), self.min_epochs), sharpness=0.8),
            evidence=[
                Evidence(
                    series=curve.series,
                    epochs=(int(curve.epoch[0]), int(curve.epoch[-1])),
                    observed=observed,
                    threshold=threshold,
                    note=note,
                )
            ],
            remedies=self._remedies(),
            severity=Severity.NOTE if signals.level.grade == "good" else Severity.WARNING,
        )

    @staticmethod
    def _remedies() -> tuple[Remedy, ...]:
        relu = Remedy(
            action="relu-and-he",
            change="use ReLU with He initialisation in the hidden layers instead of sigmoid or tanh",
            why="a sigmoid passes on at most a quarter of the gradient, ten of them a millionth",
            snippet="keras.layers.Dense(128, activation='relu', kernel_initializer='he_normal'),",
        )
        norm = Remedy(
            action="normalise",
            change="put BatchNormalization or LayerNormalization after each hidden layer, or add residual connections",
            why="both keep the gradient at one size from layer to layer",
            snippet="keras.layers.BatchNormalization(),",
        )
        return (relu, norm)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        flat = line(20, 2.303, 2.301, 0.0005)
        yield Example(
            "ten sigmoid layers",
            {
                "loss": flat,
                "gradient_norm/dense": line(20, 1e-7, 2e-7, 0.1),
                "gradient_norm/dense_5": line(20, 1e-4, 1e-4, 0.1),
                "gradient_norm/dense_9": line(20, 0.3, 0.3, 0.1),
            },
        )
        yield Example("no gradient at all", {"loss": flat, "gradient_norm": [0.0] * 20})

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(20, 2.3, 0.2, 0.2, 0.01)
        yield Example(
            "healthy, layers of one size",
            {
                "loss": fall,
                "gradient_norm/dense": line(20, 0.5, 0.1),
                "gradient_norm/head": line(20, 0.9, 0.2),
            },
        )
        yield Example(
            "small at the end of a run that learned",
            {"loss": fall, "gradient_norm": decay(20, 3.0, 1e-5, 1.0)},
        )
        yield Example(
            "a frozen base",
            {"loss": fall, "gradient_norm/base": [0.0] * 20, "gradient_norm/head": line(20, 0.9, 0.2)},
        )
