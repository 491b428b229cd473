"""Advice for one run: patience, min_delta, and whether to go on."""

from __future__ import annotations

from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import split_and_metric
from traindiag.model.nearest import did_you_mean
from traindiag.model.run import Run
from traindiag.replay.advise_text import Advice
from traindiag.replay.extrapolate import stop_or_go
from traindiag.replay.patience import advise_patience


def monitored(run: Run, monitor: str | None = None) -> Curve:
    """The curve a callback would watch: the named one, else the validation loss, else the loss.

    Raises:
        UsageError: it was not logged, or the log has no epochs.
    """
    signals = Signals(run)
    if monitor is None:
        curve = signals.val if signals.val is not None else signals.train
    else:
        curve = signals.curve(*split_and_metric(monitor))
    if curve is None:
        names = sorted(
            each.metric if each.split == "train" else f"{each.split}_{each.metric}" for each in signals.curves
        )
        hint = did_you_mean(monitor or "val_loss", names, f"logged are {', '.join(names[:8])}")
        raise UsageError(f"{monitor or 'a loss'} was not logged", where=run.name, next_step=hint)
    if curve.axis != "epoch":
        raise UsageError("the log counts steps, not epochs", where=run.name, next_step="log an epoch column")
    return curve


def advise(run: Run, monitor: str | None = None) -> Advice:
    """Patience and outlook of one run.

    Raises:
        UsageError: as `monitored` and `advise_patience`.
    """
    curve = monitored(run, monitor)
    try:
        patience = advise_patience(curve)
    except UsageError as error:
        raise UsageError(error.what, where=run.name, next_step=error.next_step) from None
    return Advice(run=run.name, patience=patience, outlook=stop_or_go(curve.value, patience.mode))
