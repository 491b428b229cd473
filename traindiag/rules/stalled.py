from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from traindiag.analysis.confidence import confidence, ratio
from traindiag.analysis.signals import Signals
from traindiag.model.finding import Evidence, Finding, Remedy, Severity
from traindiag.rules.base import Example, Rule, option
from traindiag.rules.examples import decay

IDLE = "idle_seconds"
"""Parameter under which `watch` says how long ago the log last grew."""


class Stalled(Rule):
    """Nothing new has been logged for a long time: the job hangs, waits or is dead.

    ## Why it matters
    A job that hangs keeps its accelerator and its price. Nobody notices before the morning.

    ## Evidence
    Seconds since the log last grew, as `traindiag watch` counts them (`--stall-after`). A log that was read
    once cannot show it: there the rule is skipped.

    ## Remedies
    Look at the process, the device and the disk; start again from the last checkpoint.

    ## When to ignore
    When epochs take longer than that: raise `--stall-after`. When the training has simply ended.

    ## References
    Amazon SageMaker Debugger, rule StalledTraining (1800 s).
    """

    code = "TD503"
    name = "stalled"
    severity = Severity.WARNING
    needs: ClassVar[tuple[str, ...]] = ()
    min_epochs = 0

    after: float = option(1800.0, "seconds without a new value", "SageMaker Debugger's StalledTraining")

    def skip_reason(self, signals: Signals) -> str:
        """Only a log that is being watched can stand still."""
        return "" if _idle(signals) is not None else "only a run that is watched can stall"

    def judge(self, signals: Signals) -> Iterator[Finding]:
        idle = _idle(signals)
        if idle is None or idle < self.after:
            return
        last = max((int(curve.epoch[-1]) for curve in signals.curves if len(curve)), default=0)
        yield self.finding(
            f"nothing new was logged for {_duration(idle)}; the last value is of epoch {last}",
            confidence=confidence(ratio(idle, self.after)),
            evidence=[
                Evidence(
                    series="log",
                    epochs=(last, last),
                    observed=idle,
                    threshold=self.after,
                    note="seconds since the log grew",
                )
            ],
            remedies=[
                Remedy(
                    action="inspect-job",
                    change="see whether the process still runs, and whether device, disk or data source hang",
                    why="a training that logs nothing for this long seldom goes on by itself",
                ),
                Remedy(
                    action="resume-from-checkpoint",
                    change=f"start again after epoch {last} from a backup of the training state",
                    why="BackupAndRestore loses at most the epoch that was interrupted",
                    snippet="model.fit(..., callbacks=[keras.callbacks.BackupAndRestore('backup')])",
                ),
            ],
        )

    @classmethod
    def fires_on(cls) -> Iterable[Example]:
        yield Example("silent for an hour", _history(), params={IDLE: 3600.0})

    @classmethod
    def silent_on(cls) -> Iterable[Example]:
        yield Example("grew a minute ago", _history(), params={IDLE: 60.0})
        yield Example("read once", _history())


def _history() -> dict[str, list[float]]:
    return {"loss": decay(20, 2.3, 0.3, 0.1), "val_loss": decay(20, 2.3, 0.4, 0.1)}


def _idle(signals: Signals) -> float | None:
    value = signals.params.get(IDLE)
    return float(value) if isinstance(value, int | float) else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
