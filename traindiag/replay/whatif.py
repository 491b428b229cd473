"""What callbacks would have done in a run: when it would have stopped, what would have been kept and saved."""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from traindiag.diagnosis import diagnose_run
from traindiag.model.errors import UsageError
from traindiag.model.finding import Finding
from traindiag.model.names import LEARNING_RATE, mode_of
from traindiag.model.run import Run
from traindiag.replay.logs import EpochLogs, epoch_logs
from traindiag.replay.play import until
from traindiag.replay.policies.base import Policy, Replayed, Training
from traindiag.replay.policies.checkpoint import Saving
from traindiag.replay.policies.early_stopping import Stopping
from traindiag.replay.policies.monitor import keras_direction
from traindiag.replay.policies.reduce_lr import Reducing
from traindiag.replay.policies.schedule import Schedule, Scheduled
from traindiag.replay.policies.terminate_on_nan import Terminating
from traindiag.rules.callback_misconfigured import CALLBACKS, CallbackMisconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """The learning rate after an epoch's end (ReduceLROnPlateau) or from its beginning (schedules)."""

    epoch: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best logged value of a monitor."""

    monitor: str
    mode: str
    epoch: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What some callbacks would have done in one run.

    Attributes:
        run: name of the run.
        policies: the callbacks, as Keras code.
        epochs: first and last epoch of the log.
        logged: number of logged epochs.
        trained: number of them that would have been trained.
        stopped_by: class of the callback that stopped; empty when the run would have gone on to its end.
        stop_epoch: last epoch that would have been trained.
        kept_epoch: epoch whose weights the model would hold at the end.
        checkpoint_epoch: epoch whose weights the checkpoint file would hold; None without one.
        saved: how often the checkpoint would have been written.
        best: best logged value of the monitor, over the whole log; None when it was never logged.
        kept: the monitor's value at `kept_epoch`, or at `checkpoint_epoch` where there is one.
        lost: how much worse `kept` is than `best`, never negative; None when one of them is unknown.
        seconds: seconds of the whole log; None when it has no times.
        seconds_saved: seconds of the epochs after `stop_epoch`.
        cost_saved: the same in money.
        rates: changes of the learning rate.
        rate_known: whether rates are absolute; else the first one stands for 1.
        other_way: whether a real run would have left the recorded path, and `other_way_from` which epoch on.
        warnings: what Keras would have warned of, and what never came to pass.
        audit: what rule TD701 says of these callbacks on this log as far as they would have trained.
    """

    run: str
    policies: tuple[str, ...]
    epochs: tuple[int, int]
    logged: int
    trained: int
    stopped_by: str
    stop_epoch: int
    kept_epoch: int
    checkpoint_epoch: int | None
    saved: int
    best: Best | None
    kept: float | None
    lost: float | None
    seconds: float | None
    seconds_saved: float | None
    cost_saved: float | None
    rates: tuple[RateChange, ...]
    rate_known: bool
    other_way_from: int | None
    warnings: tuple[str, ...]
    audit: tuple[Finding, ...]


def what_if(run: Run, policies: Sequence[Policy], *, cost_per_hour: float | None = None) -> WhatIf:
    """Replay callbacks over a recorded run, in the order given, as `fit` would have called them.

    Args:
        run: the recorded run.
        policies: the callbacks.
        cost_per_hour: price of one hour of training, in any currency.

    Raises:
        UsageError: no policy, no epochs in the log, or a monitor whose direction Keras cannot tell.
    """
    if not policies:
        raise UsageError("no callback to replay", next_step="give --early-stopping, --reduce-lr or another")
    logs = epoch_logs(run)
    training = Training(learning_rate=logs.first_rate)
    replayed = [_started(policy, logs) for policy in policies]
    last = _play(logs, replayed, training)
    monitor = _monitor(policies)
    best = _best(logs, monitor)
    end, checkpoint = _kept(logs, replayed, last)
    kept = _value_at(logs, monitor, end if checkpoint is None else checkpoint)
    changes = _rates(replayed)
    left = None if logs.seconds is None else sum(logs.seconds[last + 1 :])
    return WhatIf(
        run=run.name,
        policies=tuple(as_code(policy) for policy in policies),
        epochs=(logs.epochs[0], logs.epochs[-1]),
        logged=len(logs.epochs),
        trained=last + 1,
        stopped_by=_stopped_by(policies, replayed),
        stop_epoch=logs.epochs[last],
        kept_epoch=end,
        checkpoint_epoch=checkpoint,
        saved=sum(len(each.saved) for each in replayed if isinstance(each, Saving)),
        best=best,
        kept=kept,
        lost=_lost(best, kept),
        seconds=None if logs.seconds is None else sum(logs.seconds),
        seconds_saved=left,
        cost_saved=None if left is None or cost_per_hour is None else left / 3600 * cost_per_hour,
        rates=changes,
        rate_known=logs.first_rate is not None
        or any(isinstance(each, Schedule) and each.lr is not None for each in policies),
        other_way_from=_other_way_from(replayed, logs),
        warnings=(*training.warnings, *_never(replayed)),
        audit=audit(until(run, logs.epochs[last]), policies),
    )


def _started(policy: Policy, logs: EpochLogs) -> Replayed:
    if isinstance(policy, Schedule):
        return policy.start(1.0 if logs.first_rate is None else logs.first_rate, logs.epochs[-1] + 1)
    return policy.start()


def _play(logs: EpochLogs, replayed: Sequence[Replayed], training: Training) -> int:
    """Run all callbacks over the logs; gives the place of the last epoch trained."""
    for place, epoch in enumerate(logs.epochs):
        for each in replayed:
            each.epoch_begin(epoch, training)
        for each in replayed:
            each.epoch_end(epoch, logs.logs[place], training)
        if training.stop:
            return place
    return len(logs.epochs) - 1


def _monitor(policies: Sequence[Policy]) -> tuple[str, str]:
    """The metric the outcome is measured by and its direction: that of the first callback with one."""
    name = next(
        (str(monitor) for each in policies if (monitor := getattr(each, "monitor", None)) is not None),
        "val_loss",
    )
    mode = next((str(mode) for each in policies if (mode := getattr(each, "mode", "auto")) != "auto"), None)
    return name, mode or keras_direction(name) or mode_of(name.removeprefix("val_")) or "min"


def _best(logs: EpochLogs, monitor: tuple[str, str]) -> Best | None:
    name, mode = monitor
    sign = -1.0 if mode == "max" else 1.0
    values = [
        (sign * each[name], epoch)
        for epoch, each in zip(logs.epochs, logs.logs, strict=True)
        if name in each and math.isfinite(each[name])
    ]
    if not values:
        return None
    value, epoch = min(values)
    return Best(monitor=name, mode=mode, epoch=epoch, value=sign * value)


def _kept(logs: EpochLogs, replayed: Sequence[Replayed], last: int) -> tuple[int, int | None]:
    """Epochs whose weights the model and the checkpoint file hold at the end."""
    end = logs.epochs[last]
    for each in replayed:
        if isinstance(each, Stopping) and each.restored_epoch is not None:
            end = each.restored_epoch
    files = [each.saved[-1] for each in replayed if isinstance(each, Saving) and each.saved]
    return end, files[-1] if files else None


def _value_at(logs: EpochLogs, monitor: tuple[str, str], epoch: int) -> float | None:
    return logs.logs[logs.epochs.index(epoch)].get(monitor[0])


def _lost(best: Best | None, kept: float | None) -> float | None:
    if best is None or kept is None or not math.isfinite(kept):
        return None
    return max(0.0, best.value - kept if best.mode == "max" else kept - best.value)


def _stopped_by(policies: Sequence[Policy], replayed: Sequence[Replayed]) -> str:
    for policy, each in zip(policies, replayed, strict=True):
        if isinstance(each, Stopping | Terminating) and each.stopped_epoch is not None:
            return policy.keras_name
    return ""


def _rates(replayed: Sequence[Replayed]) -> tuple[RateChange, ...]:
    changes = []
    for each in replayed:
        if isinstance(each, Reducing):
            changes += [RateChange(epoch=e, before=old, after=new) for e, old, new in each.drops]
        elif isinstance(each, Scheduled):
            changes += [
                RateChange(epoch=epoch, before=old, after=new)
                for (_, old), (epoch, new) in zip(each.rates, each.rates[1:], strict=False)
                if new != old
            ]
    return tuple(sorted(changes, key=lambda change: change.epoch))


def _other_way_from(replayed: Sequence[Replayed], logs: EpochLogs) -> int | None:
    """The first epoch that a real run would have trained with another rate than the recorded one."""
    rates = [
        (epoch + 1, new)
        for each in replayed
        if isinstance(each, Reducing)
        for epoch, _, new in each.drops
        if epoch < logs.epochs[-1]
    ]
    rates += [pair for each in replayed if isinstance(each, Scheduled) for pair in each.rates]
    return min((epoch for epoch, rate in rates if not _as_recorded(logs, epoch, rate)), default=None)


def _as_recorded(logs: EpochLogs, epoch: int, rate: float) -> bool:
    """Whether the run itself trained an epoch with this rate."""
    at = bisect_left(logs.epochs, epoch)
    recorded = logs.logs[at].get(LEARNING_RATE, logs.first_rate)
    return recorded is not None and math.isclose(rate, recorded, rel_tol=1e-5, abs_tol=1e-12)


def _never(replayed: Sequence[Replayed]) -> list[str]:
    """What a callback was meant to do and could not."""
    return [
        "ModelCheckpoint would never have saved"
        for each in replayed
        if isinstance(each, Saving) and not each.saved
    ]


def audit(run: Run, policies: Sequence[Policy]) -> tuple[Finding, ...]:
    """What rule TD701 says of callbacks beside the curves of a run."""
    recorded = [
        {"class": each.keras_name, "config": dataclasses.asdict(each)}  # type: ignore[call-overload]
        for each in policies
    ]
    with_callbacks = Run(
        name=run.name, source=run.source, series=run.series, params={**run.params, CALLBACKS: recorded}
    )
    return diagnose_run(with_callbacks, [CallbackMisconfigured]).findings


def as_code(policy: Policy) -> str:
    """The callback as Keras code, with the settings that are not Keras' defaults."""
    if isinstance(policy, Schedule):
        values = {
            each.name: getattr(policy, each.name)
            for each in dataclasses.fields(policy)
            if each.name != "kind" and getattr(policy, each.name) != each.default
        }
        inner = ", ".join([policy.kind, *(f"{name}={value!r}" for name, value in values.items())])
        return f"LearningRateScheduler({inner})"
    shown = [
        f"{each.name}={getattr(policy, each.name)!r}"
        for each in dataclasses.fields(policy)  # type: ignore[arg-type]
        if getattr(policy, each.name) != each.default or each.name in ("monitor", "patience")
    ]
    return f"{policy.keras_name}({', '.join(shown)})"
