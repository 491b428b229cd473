from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.heads import Fault, faults_of
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay, line
from traindiag.rules.remedies import number


class HeadMismatch(Rule):
    """The last layer does not fit the loss, or a layer is set up so that it cannot do its work.

    ## Why it matters
    Keras trains such a model without a word: a softmax over one unit is always 1, a cross-entropy that is
    given raw outputs clips them, a softmax under `from_logits=True` is applied twice.

    ## Evidence
    The model and its compile arguments, as `keras.callbacks.TensorBoard` writes them under the tag `keras`:
    last activation and width of each output against its loss. An error where the pair cannot work and the run
    ended at a poor level, a warning where it can only work badly, a note for a dropout rate above one half
    and for two Dense layers with no activation between them.

    ## Remedies
    One of the pairs that belong together: softmax or logits with a categorical cross-entropy, sigmoid or one
    logit with the binary one, a linear output with a regression loss.

    ## When to ignore
    A custom loss of a well-known name; outputs scaled to 0..1 on purpose; linear bottlenecks.

    ## References
    Schoop, Huang and Hartmann, UMLAUT, 2021 (missing softmax, dropout rate). Keras, `keras.losses`
    (`from_logits`).
    """

    code = "TD702"
    name = "head-mismatch"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0

    dropout: float = option(
        0.5, "a dropout rate above this is worth a note", "UMLAUT; Srivastava and others, 2014"
    )

    def skip_reason(self, signals: Signals) -> str:
        """The model's JSON is needed."""
        return "" if signals.keras.known else "no model in this log"

    def judge(self, signals: Signals) -> Iterator[Finding]:
        for head in signals.keras.heads:
            fault = faults_of(head)
            if fault is not None:
                yield self._head_finding(signals, fault)
        high = [(name, rate) for name, rate in signals.keras.dropout if rate > self.dropout]
        if high:
            yield self._dropout_finding(signals, high)
        if signals.keras.stacked_linear:
            yield self._linear_finding(signals, signals.keras.stacked_linear)

    def _head_finding(self, signals: Signals, fault: Fault) -> Finding:
        level = signals.level
        severity = Severity.ERROR if fault.fatal and level.grade == "poor" else Severity.WARNING
        # A run that learned all the same speaks against the model's JSON.
        skill = 0.0 if np.isnan(level.skill) else float(np.clip(level.skill, 0.0, 1.0))
        return self.finding(
            fault.message,
            confidence=confidence(3.0 - skill),
            evidence=[self._evidence(signals, fault.observed, None, fault.note)],
            remedies=(
                Remedy(action=fault.action, change=fault.change, why=fault.why, snippet=fault.snippet),
            ),
            severity=severity if fault.serious else Severity.NOTE,
        )

    def _dropout_finding(self, signals: Signals, high: list[tuple[str, float]]) -> Finding:
        name, rate = max(high, key=lambda each: each[1])
        more = f" ({len(high) - 1} more layers are above {self.dropout:.0%})" if len(high) > 1 else ""
        return self.finding(
            f"{name} drops {rate:.0%} of its units{more}",
            confidence=confidence(ratio(rate, self.dropout), sharpness=2.0),
            evidence=[self._evidence(signals, rate, self.dropout, f"dropout rate of {name}")],
            remedies=(
                Remedy(
                    action="less-dropout",
                    change=f"lower the rate of {name} from {number(rate)} to 0.5 or less",
                    why="the noise of dropout is largest at one half; beyond it little but units is lost",
                    snippet="keras.layers.Dropout(0.5),",
                ),
            ),
            severity=Severity.NOTE,
        )

    def _linear_finding(self, signals: Signals, pairs: tuple[tuple[str, str], ...]) -> Finding:
        first, second = pairs[0]
        return self.finding(
            f"{first} has no activation and feeds {second}: together they are one linear map",
            confidence=0.9,
            evidence=[
                self._evidence(signals, float(len(pairs)), 0.0, "Dense layers fed by a linear Dense layer")
            ],
            remedies=(
                Remedy(
                    action="add-activation",
                    change=f"give {first} an activation",
                    why="two linear maps in a row can do no more than one",
                    snippet="keras.layers.Dense(128, activation='relu'),",
                ),
            ),
            severity=Severity.NOTE,
        )

    @staticmethod
    def _evidence(signals: Signals, observed: float, threshold: float | None, note: str) -> Evidence:
        last = max(signals.epochs - 1, 0)
        return Evidence(series="model", epochs=(0, last), observed=observed, threshold=threshold, note=note)

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        chance = {
            "loss": line(20, 2.303, 2.3),
            "val_loss": line(20, 2.303, 2.302),
            "val_accuracy": [0.1] * 20,
        }
        fall = {"loss": decay(20, 2.3, 0.3), "val_loss": decay(20, 2.3, 0.4)}
        yield Example("no softmax", chance, params=_model("linear", 10, "sparse_categorical_crossentropy"))
        yield Example("a softmax over one unit", chance, params=_model("softmax", 1, "binary_crossentropy"))
        yield Example(
            "softmax twice",
            fall,
            params=_model(
                "softmax",
                10,
                {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}},
            ),
        )
        yield Example(
            "dropout of 0.8", fall, params=_model("softmax", 10, "categorical_crossentropy", rate=0.8)
        )

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        fall = {"loss": decay(20, 2.3, 0.3), "val_loss": decay(20, 2.3, 0.4)}
        yield Example("softmax", fall, params=_model("softmax", 10, "sparse_categorical_crossentropy"))
        yield Example(
            "logits",
            fall,
            params=_model(
                "linear", 10, {"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}}
            ),
        )
        yield Example("one sigmoid unit", fall, params=_model("sigmoid", 1, "binary_crossentropy", rate=0.5))
        yield Example("many sigmoid units", fall, params=_model("sigmoid", 40, "binary_crossentropy"))
        yield Example("regression", fall, params=_model("linear", 1, "mse"))
        yield Example("an autoencoder of pixels", fall, params=_model("sigmoid", 784, "mse"))
        yield Example("a loss of one's own", fall, params=_model("linear", 10, "my_package>contrastive"))
        yield Example("no model in the log", fall)


def _model(activation: str, units: int, loss: Any, rate: float = 0.2) -> dict[str, Any]:
    """The ``keras`` parameter of a small classifier, as the TensorBoard callback stores it."""
    layers = [
        {"class_name": "Dense", "config": {"name": "hidden", "units": 64, "activation": "relu"}},
        {"class_name": "Dropout", "config": {"name": "dropout", "rate": rate}},
        {"class_name": "Dense", "config": {"name": "head", "units": units, "activation": activation}},
    ]
    model = {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
    return {"keras": {**model, "compile_config": {"optimizer": "adam", "loss": loss}}}
