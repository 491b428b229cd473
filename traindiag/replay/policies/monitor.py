"""Which values improve: `keras/src/callbacks/monitor_callback.py` of Keras 3.15, rule by rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from traindiag.model.errors import UsageError
from traindiag.replay.policies.base import Logs, Training, float32

MonitorMode = Literal["auto", "min", "max"]

_UP = frozenset(
    "accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy "
    "sparse_top_k_categorical_accuracy precision recall auc "
    "sensitivity_at_specificity specificity_at_sensitivity precision_at_recall recall_at_precision f1_score "
    "fbeta_score io_u binary_io_u mean_io_u one_hot_io_u one_hot_mean_io_u r2_score cosine_similarity "
    "concordance_correlation pearson_correlation".split()
)
_DOWN = frozenset(
    "loss mean_squared_error mse mean_absolute_error mae mean_absolute_percentage_error mape "
    "mean_squared_logarithmic_error msle root_mean_squared_error logcosh log_cosh hinge squared_hinge "
    "categorical_hinge binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy "
    "kl_divergence kld poisson".split()
)
_COUNTED = re.compile(r"_\d+$")


def keras_direction(monitor: str) -> Literal["min", "max"] | None:
    """What ``mode="auto"`` resolves to for a metric of Keras' own; None where Keras raises ValueError.

    Keras asks the metric object for its direction; the log only knows its name. A metric of one's own under a
    name of Keras' is therefore taken for Keras'.
    """
    name = monitor.removeprefix("val_")
    for candidate in (name, _COUNTED.sub("", name)):
        if candidate in _DOWN:
            return "min"
        if candidate in _UP:
            return "max"
    return None


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitored metric, its direction and the least change that counts.

    Args:
        name: as in the logs: ``val_loss``.
        mode: ``auto``, ``min`` or ``max``.
        min_delta: least change that is an improvement; its sign does not matter.

    Raises:
        UsageError: ``auto``, and Keras could not tell either.
    """

    name: str
    mode: MonitorMode = "auto"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        if self.direction is None:
            raise UsageError(
                f"Keras cannot tell whether {self.name!r} should rise or fall, and fit would raise ValueError",
                next_step="add mode=max or mode=min",
            )

    @property
    def direction(self) -> Literal["min", "max"] | None:
        """``min`` or ``max``."""
        return keras_direction(self.name) if self.mode == "auto" else self.mode

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` beats `reference` by more than `min_delta`; anything beats no reference at all.

        Compared in single precision, as ``keras.ops.less`` does. NaN never improves, and once NaN is the
        reference nothing does.
        """
        if reference is None:
            return True
        delta = abs(self.min_delta)
        if self.direction == "max":
            return float32(value - delta) > float32(reference)
        return float32(value + delta) < float32(reference)

    def value(self, logs: Logs, training: Training, what: str) -> float | None:
        """The monitored value of an epoch; None, with Keras' warning, where it was not logged."""
        found = logs.get(self.name)
        if found is None:
            names = ", ".join(sorted(logs)) or "none"
            training.warn(f"{what} on {self.name!r}, which was not logged (logged: {names})")
        return found
