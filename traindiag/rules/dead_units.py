from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.gradients import idle_units
from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import lower_learning_rate


class DeadUnits(Rule):
    """A large part of a layer's units answer zero whatever comes in: they will not learn again.

    ## Why it matters
    A ReLU whose input is negative for every sample has no gradient. Such units cost time and memory and add
    nothing; a layer of nothing but dead units cuts the network in two.

    ## Evidence
    `dead_fraction/<layer>`, the share of units that are zero for every sample: half or more over the last
    third of the run. Or `zero_fraction/<layer>`, the share of zero activations, nine tenths or more: half is
    what a healthy ReLU has. An error when a whole layer is dead.

    ## Remedies
    A lower learning rate (one large step kills units for good), leaky ReLU or GELU, He initialisation.

    ## When to ignore
    Sparse layers by design: k-winners, sparse autoencoders, mixtures of experts.

    ## References
    Lu, Shin, Su and Karniadakis, Dying ReLU and Initialization, 2019. SageMaker Debugger, DeadRelu (half of a
    layer inactive).
    """

    code = "TD603"
    name = "dead-units"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 3

    dead: float = option(0.5, "share of a layer's units that are dead", "SageMaker Debugger, DeadRelu")
    zero: float = option(0.9, "share of a layer's activations that are zero", "a fresh ReLU has one half")
    whole: float = option(0.99, "share from which the whole layer is dead", "all, but for rounding")

    def skip_reason(self, signals: Signals) -> str:
        """Shares of idle units are needed."""
        if not idle_units(signals):
            return "no dead_fraction/<layer> or zero_fraction/<layer> in this log"
        return super().skip_reason(signals)

    def judge(self, signals: Signals) -> Iterator[Finding]:
        ill = []
        for kind, layer, curve in idle_units(signals):
            value = curve.value[np.isfinite(curve.value)]
            limit = self.dead if kind == "dead_fraction" else self.zero
            if len(value) < self.min_epochs:
                continue
            late = value[-max(len(value) // 3, 1) :]
            if float(np.median(late)) >= limit:
                ill.append((layer, curve, float(np.median(late)), limit, kind))
        if not ill:
            return
        layer, _, worst, limit, kind = max(ill, key=lambda each: each[2])
        what = "units are dead" if kind == "dead_fraction" else "activations are zero"
        more = f" (and in {len(ill) - 1} more layers)" if len(ill) > 1 else ""
        yield self.finding(
            f"{worst:.0%} of the {what} in {layer}{more}",
            confidence=confidence(ratio(worst - limit, 1 - limit) + 1, sharpness=2.0),
            evidence=[
                self._evidence(curve, value, threshold, kind) for _, curve, value, threshold, kind in ill[:6]
            ],
            remedies=self._remedies(signals, layer),
            severity=Severity.ERROR if worst >= self.whole else Severity.WARNING,
        )

    @staticmethod
    def _evidence(curve: Curve, value: float, threshold: float, kind: str) -> Evidence:
        return Evidence(
            series=curve.series,
            epochs=(int(curve.epoch[-max(len(curve) // 3, 1)]), int(curve.epoch[-1])),
            observed=value,
            threshold=threshold,
            note="share of dead units" if kind == "dead_fraction" else "share of zero activations",
        )

    @staticmethod
    def _remedies(signals: Signals, layer: str) -> tuple[Remedy, ...]:
        leaky = Remedy(
            action="leaky-relu",
            change=f"use leaky ReLU or GELU with He initialisation in {layer}",
            why="a unit with a slope below zero can come back",
            snippet="keras.layers.Dense(128, activation='leaky_relu', kernel_initializer='he_normal'),",
        )
        return (lower_learning_rate(signals, 3, "units die of one step too large"), leaky)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        fall = decay(20, 2.3, 2.0, 0.2, 0.01)
        yield Example(
            "two thirds of a layer", {"loss": fall, "dead_fraction/dense_1": line(20, 0.3, 0.68, 0.01)}
        )
        yield Example(
            "a layer that is all zero", {"loss": fall, "zero_fraction/conv2d": [0.6, 0.9] + [1.0] * 18}
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = decay(20, 2.3, 0.3, 0.2, 0.01)
        yield Example(
            "half of the activations, as with any ReLU",
            {"loss": fall, "zero_fraction/relu": line(20, 0.5, 0.62, 0.02)},
        )
        yield Example("a few dead units", {"loss": fall, "dead_fraction/dense": line(20, 0.02, 0.15, 0.02)})
        yield Example(
            "early, and they came back", {"loss": fall, "dead_fraction/dense": [0.8] * 3 + [0.1] * 17}
        )
