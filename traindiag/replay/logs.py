"""A run as the stream of logs its callbacks saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from traindiag.analysis.signals import Signals, is_batch
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.errors import UsageError
from traindiag.model.names import LEARNING_RATE
from traindiag.model.run import Run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpochLogs:
    """A run epoch by epoch.

    Attributes:
        epochs: zero-based, ascending.
        logs: what `on_epoch_end` was given at each epoch, in Keras' names.
        seconds: how long each epoch took; the median where the log does not tell, None when it never does.
        first_rate: the learning rate at the first epoch that logs one, or that of the configuration.
    """

    epochs: tuple[int, ...]
    logs: tuple[dict[str, float], ...]
    seconds: tuple[float, ...] | None
    first_rate: float | None


def epoch_logs(run: Run) -> EpochLogs:
    """The logs of a run.

    Raises:
        UsageError: the log has no epochs.
    """
    signals = Signals(run)
    by_epoch: dict[int, dict[str, float]] = {}
    rates: list[float] = []
    for curve in signals.curves:
        if curve.axis != "epoch" or is_batch(curve):
            continue
        name = curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"
        if curve.metric == LEARNING_RATE:
            rates = [float(value) for value in curve.value if np.isfinite(value)]
        for epoch, value in zip(curve.epoch.tolist(), curve.value.tolist(), strict=True):
            by_epoch.setdefault(epoch, {})[name] = value
    if not by_epoch:
        raise UsageError(
            "the log counts steps, not epochs",
            where=run.name,
            next_step="callbacks of Keras act at the end of epochs; log an epoch column",
        )
    epochs = tuple(sorted(by_epoch))
    return EpochLogs(
        epochs=epochs,
        logs=tuple(by_epoch[epoch] for epoch in epochs),
        seconds=_seconds(signals, epochs),
        first_rate=rates[0] if rates else signals.learning_rate,
    )


def _seconds(signals: Signals, epochs: tuple[int, ...]) -> tuple[float, ...] | None:
    known = epoch_seconds(signals)
    if known is None or not len(known[1]):
        return None
    by_epoch = dict(zip(known[0].tolist(), known[1].tolist(), strict=True))
    usual = float(np.median(known[1]))
    return tuple(by_epoch.get(epoch, usual) for epoch in epochs)
