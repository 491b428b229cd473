"""Watching runs: each is judged when it grows, and what came and went is told once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from traindiag.analysis.signals import Signals
from traindiag.diagnosis import diagnose_run
from traindiag.model.curve import Curve
from traindiag.model.finding import Finding, Severity
from traindiag.model.frame import Series
from traindiag.model.report import RunReport
from traindiag.model.run import Run
from traindiag.replay.changes import Change, Known, last_epoch
from traindiag.replay.follow import Follower
from traindiag.replay.play import until
from traindiag.rules.stalled import IDLE, Stalled

MOST_CAUGHT_UP = 50
"""Epochs judged one by one when several came between two looks; earlier ones are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Event:
    """Something to tell of a run.

    Attributes:
        run: its name.
        kind: ``epoch``: it was judged anew; ``stalled``: it has not grown for long; ``restarted``: the log begins
            again; ``gone``: it is no longer there.
        epoch: last epoch (or step) known.
        logs: values of that epoch, in Keras' names.
        report: what is said of the run now.
        change: findings that came and went.
    """

    run: str
    kind: Literal["epoch", "stalled", "restarted", "gone"]
    epoch: int
    logs: dict[str, float] = field(default_factory=dict)
    report: RunReport
    change: Change = field(default_factory=Change)


@dataclass(slots=True)
class Watched:
    """One run and what is known of it."""

    known: Known
    report: RunReport
    epoch: int = -1
    grew: float = 0.0
    stalled: Finding | None = None


class Watcher:
    """Looks at logs again and again.

    Args:
        followers: the paths.
        stall_after: seconds without growth after which a run is `stalled`; None never says so.
        least: findings below this severity are no news.
    """

    def __init__(
        self,
        followers: Sequence[Follower],
        *,
        stall_after: float | None = None,
        least: Severity = Severity.WARNING,
    ) -> None:
        self.followers = followers
        self.stall_after = stall_after
        self.least = least
        self.runs: dict[str, Watched] = {}
        self.grew: float | None = None
        self._names: dict[int, set[str]] = {}
        self._pauses: deque[float] = deque(maxlen=20)

    def look(self, now: float) -> Iterator[Event]:
        """What happened since the last look.

        Args:
            now: seconds of a clock that does not step back.
        """
        for number, follower in enumerate(self.followers):
            runs = follower.look()
            if runs is not None:
                yield from self._grown(number, runs, now)
        yield from self._stalled(now)

    @property
    def worst(self) -> Severity | None:
        """The severity of the worst finding that holds now."""
        held = [each for run in self.runs.values() for each in self.holding(run)]
        return max((each.severity for each in held), key=lambda each: each.rank, default=None)

    @property
    def usual_epoch(self) -> float:
        """Median seconds between growths, as far as they were seen; 0 before the second."""
        return median(self._pauses) if self._pauses else 0.0

    @staticmethod
    def holding(run: Watched) -> list[Finding]:
        """Findings of a run that hold now."""
        return [*run.known.holding, *([run.stalled] if run.stalled else [])]

    def _grown(self, number: int, runs: Sequence[Run], now: float) -> Iterator[Event]:
        before = self._names.get(number, set())
        self._names[number] = {run.name for run in runs}
        for name in sorted(before - self._names[number]):
            gone = self.runs.pop(name)
            yield Event(run=name, kind="gone", epoch=gone.epoch, report=gone.report)
        for run in runs:
            yield from self._judged(run, now)

    def _judged(self, run: Run, now: float) -> Iterator[Event]:
        epochs = _epochs(run)
        watched = self.runs.get(run.name)
        newest = epochs[-1] if epochs else _last_step(run)
        if watched is not None and newest < watched.epoch:
            yield Event(run=run.name, kind="restarted", epoch=newest, report=watched.report)
            del self.runs[run.name]
            watched = None
        # Epochs that came together are judged one by one: news comes at the epoch that `replay` names too.
        fresh = [] if watched is None else [epoch for epoch in epochs if epoch > watched.epoch]
        reports = [diagnose_run(until(run, epoch)) for epoch in fresh[-MOST_CAUGHT_UP:-1]] + [
            diagnose_run(run)
        ]
        if watched is None:
            watched = self.runs[run.name] = Watched(known=Known(self.least), report=reports[0])
        revived = () if watched.stalled is None else (watched.stalled,)
        watched.stalled = None
        if self.grew is not None and now > self.grew:
            self._pauses.append(now - self.grew)
        watched.grew = self.grew = now
        for report in reports:
            found = watched.known.look(report)
            change = Change(new=found.new, cleared=(*found.cleared, *revived))
            revived = ()
            watched.report = report
            at = last_epoch(report)
            if at != watched.epoch or change:
                watched.epoch = at
                logs = _values(report, at)
                yield Event(run=run.name, kind="epoch", epoch=at, logs=logs, report=report, change=change)

    def _stalled(self, now: float) -> Iterator[Event]:
        if self.stall_after is None:
            return
        for name, watched in self.runs.items():
            idle = now - watched.grew
            if watched.stalled is None and idle >= self.stall_after:
                finding = self._stall(watched, idle)
                if finding is not None:
                    watched.stalled = finding
                    change = Change(new=(finding,))
                    yield Event(
                        run=name, kind="stalled", epoch=watched.epoch, report=watched.report, change=change
                    )

    def _stall(self, watched: Watched, idle: float) -> Finding | None:
        series = [_as_series(curve) for curve in watched.report.curves[:1]]
        run = Run(name=watched.report.name, source=watched.report.source, series=series, params={IDLE: idle})
        rule = Stalled(after=self.stall_after or 0.0)
        return next(rule.judge(Signals(run)), None)


def _as_series(curve: Curve) -> Series:
    return Series(curve.split, curve.metric, curve.value, epoch=curve.epoch)


def _epochs(run: Run) -> list[int]:
    """The epochs of the losses, or of all metrics where no loss is logged, ascending."""
    signals = Signals(run)
    curves = [curve for curve in (signals.train, signals.val) if curve is not None] or list(signals.curves)
    return sorted({epoch for curve in curves if curve.axis == "epoch" for epoch in curve.epoch.tolist()})


def _last_step(run: Run) -> int:
    return max((int(curve.epoch[-1]) for curve in run.curves() if len(curve)), default=-1)


def _values(report: RunReport, epoch: int) -> dict[str, float]:
    """The values at an epoch, or the last ones where the log counts steps."""
    values = {}
    for curve in report.curves:
        name = curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"
        at = curve.epoch.searchsorted(epoch)
        if at < len(curve) and curve.epoch[at] == epoch:
            values[name] = float(curve.value[at])
    return values
