"""Runs, or groups of seeds, side by side: what differs, and whether it is more than noise.

The verdict is about the best values. Its interval comes

- from the spread over seeds where both sides have several: Student's t where they have equally many, else
  Welch's (The generalization of Student's problem when several different population variances are involved,
  Biometrika 34, 1947);
- from the spread of one side where the other has a single run, which is taken to spread alike;
- with one run each, from the noise of single epochs or `SEED_SPREAD`, whichever is more: what seeds would do
  is unknown.

`SURE` is one-sided: in two comparisons of a hundred the same setting is called worse or better. Differences
below `LEAST` do not matter however sure they are, and where the interval is wider than `RESOLUTION` to either
side nothing is claimed. All three are fractions of the base's best value, or of what it gained since its
start, whichever is less: so a loss that started huge and an accuracy close to 1 are both held to fine measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from traindiag.analysis.noise import point_noise
from traindiag.analysis.signals import Signals, is_batch
from traindiag.analysis.student import t_quantile
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import Mode, mode_of, split_and_metric
from traindiag.model.nearest import did_you_mean
from traindiag.model.run import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

Judgment = Literal["regressed", "improved", "same", "cannot tell"]

SURE = 0.99
INTERVAL = f"{100 * (2 * SURE - 1):.0f} % interval"
LEAST = 0.01
RESOLUTION = 0.1
SEED_SPREAD = 0.03
"""What seeds of one setting are taken to spread by at least, where there is only one of each.

tests/benchmarks/compare.py prints what small networks spread by: 2 to 3 %."""

GAINED = 0.95
"""The default target is the value at which the base had gained this share of all it would gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One quantity over the runs of a group.

    Attributes:
        values: those of the runs that have it, finite.
        missing: how many runs have none (NaN, or a target never reached).
    """

    values: tuple[float, ...]
    missing: int = 0

    @property
    def mean(self) -> float:
        """NaN without a value."""
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation over the runs; NaN with fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is known of one setting.

    Attributes:
        runs: names.
        best, final: best and last value of the metric.
        area: mean of the curve over the epochs that all runs of the comparison share.
        epochs: epochs trained until the target was reached.
        seconds: the same in wall time.
        trained: epochs trained in all.
        broken: runs whose last value is NaN or infinite.
        curves: of the metric, one a run that has it; for drawing, not part of the JSON.
    """

    name: str
    runs: tuple[str, ...]
    best: Spread
    final: Spread
    area: Spread
    epochs: Spread
    seconds: Spread
    trained: Spread
    broken: int
    curves: tuple[Curve, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One group against the base.

    Attributes:
        difference: of the mean best values, in the metric's unit; positive is higher.
        relative: the same as a fraction of the base's; NaN where that is zero.
        interval: of `difference`.
        basis: what the interval was made of.
        advice: what would tell more; empty when there is no need.
    """

    group: str
    judgment: Judgment
    difference: float
    relative: float
    interval: tuple[float, float]
    basis: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Groups of runs compared by one metric.

    Attributes:
        groups: the base first.
        target: the value that `epochs` and `seconds` lead to.
        least: differences of the best below this do not count, in the metric's unit.
        resolution: half-widths of intervals above this tell nothing.
        shared: first and last epoch that all runs have.
        axis: what the curves count: epochs, or steps.
    """

    metric: str
    mode: Mode
    groups: tuple[Group, ...]
    contrasts: tuple[Contrast, ...]
    target: float
    least: float
    resolution: float
    shared: tuple[int, int]
    axis: Literal["epoch", "step"]

    @property
    def base(self) -> Group:
        """The group the others are compared with."""
        return self.groups[0]

    @property
    def regressed(self) -> bool:
        """Whether any group is worse than the base."""
        return any(each.judgment == "regressed" for each in self.contrasts)


def compare_runs(
    groups: Mapping[str, Sequence[Run]],
    *,
    metric: str | None = None,
    mode: Mode | None = None,
    base: str | None = None,
    target: float | None = None,
    least: float = LEAST,
) -> Comparison:
    """Compare settings, each given as its seeds.

    Args:
        groups: runs by name of the setting; at least two.
        metric: as Keras calls it, ``val_accuracy``; the base's val_loss, or loss, when not given.
        mode: whether less or more is better, where the metric's name does not tell.
        base: the setting the others are held against; the first when not given.
        target: value for the epochs and the time to a target.
        least: smallest difference that counts, as a fraction of the base's best or gain.

    Raises:
        UsageError: fewer than two groups; no group of that name; a group without the metric; no mode.
    """
    if len(groups) < 2:
        raise UsageError("there is nothing to compare with", next_step="name two runs or groups of runs")
    ordered = _base_first(groups, base)
    signals = {name: [Signals(run) for run in runs] for name, runs in ordered.items()}
    name = metric or _monitor(signals)
    for group, each in signals.items():
        _check_logged(name, group, each)
    found = mode or mode_of(split_and_metric(name)[1])
    if found is None:
        raise UsageError(
            f"the name {name!r} does not tell whether less or more is better",
            next_step="say it with --mode min or --mode max",
        )
    traces = {group: _traces(each, name, found) for group, each in signals.items()}
    return _compared(name, found, traces, target, least)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trace:
    """One run's curve of the metric; `value` is finite, `sign` is 1 where less is better and else -1."""

    run: str
    curve: Curve
    signals: Signals
    sign: float

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        return np.isfinite(self.curve.value)

    @cached_property
    def value(self) -> NDArray[np.float64]:
        return self.curve.value[self.finite]

    @cached_property
    def epoch(self) -> NDArray[np.int64]:
        return self.curve.epoch[self.finite]

    @property
    def best(self) -> float:
        return float(self.sign * np.min(self.sign * self.value)) if len(self.value) else math.nan

    @property
    def final(self) -> float:
        return float(self.curve.value[-1])

    @property
    def start(self) -> float:
        return float(self.value[0]) if len(self.value) else math.nan

    @property
    def noise(self) -> float:
        return point_noise(self.value[len(self.value) // 2 :] if len(self.value) >= 8 else self.value)

    def area(self, first: int, last: int) -> float:
        if not len(self.value) or last < first:
            return math.nan
        grid = np.linspace(first, last, min(last - first + 1, 2000))
        return float(np.mean(np.interp(grid, self.epoch, self.value)))

    def reached(self, target: float) -> int | None:
        """The first epoch as good as the target."""
        good = np.flatnonzero(self.sign * self.value <= self.sign * target)
        return int(self.epoch[good[0]]) if len(good) else None

    def seconds_to(self, epoch: int | None) -> float:
        """Wall time until the end of an epoch; epochs of unknown length count as the median one."""
        times = epoch_seconds(self.signals)
        if epoch is None or times is None or not len(times[0]):
            return math.nan
        known = times[1][times[0] <= epoch]
        unknown = max(int(np.count_nonzero(self.curve.epoch <= epoch)) - len(known), 0)
        return float(np.sum(known) + unknown * np.median(times[1]))


def _base_first(groups: Mapping[str, Sequence[Run]], base: str | None) -> dict[str, Sequence[Run]]:
    if base is None:
        return dict(groups)
    if base not in groups:
        hint = did_you_mean(base, groups, f"there are {', '.join(groups)}")
        raise UsageError(f"there is no group {base!r}", next_step=hint)
    return {base: groups[base]} | {name: runs for name, runs in groups.items() if name != base}


def _monitor(signals: Mapping[str, Sequence[Signals]]) -> str:
    """The name of the loss by which the first run that has one is judged: val_loss, else the training loss."""
    for each in chain.from_iterable(signals.values()):
        curve = each.val if each.val is not None else each.train
        if curve is not None:
            return _name(curve)
    raise UsageError("no run logs a loss", next_step="say with --metric what to compare")


def _check_logged(metric: str, group: str, signals: Sequence[Signals]) -> None:
    if any(each.curve(*split_and_metric(metric)) is not None for each in signals):
        return
    names = sorted({_name(curve) for each in signals for curve in each.curves if not is_batch(curve)})
    hint = did_you_mean(metric, names, f"logged are {', '.join(names[:8]) or 'none'}")
    raise UsageError(f"{metric} is not logged", where=group, next_step=hint)


def _traces(signals: Sequence[Signals], metric: str, mode: Mode) -> list[_Trace]:
    """The curves of one group; runs without the metric are left out."""
    curves = ((each, each.curve(*split_and_metric(metric))) for each in signals)
    sign = 1.0 if mode == "min" else -1.0
    return [
        _Trace(run=each.run.name, curve=curve, signals=each, sign=sign)
        for each, curve in curves
        if curve is not None
    ]


def _name(curve: Curve) -> str:
    return curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"


def _compared(
    metric: str, mode: Mode, traces: Mapping[str, list[_Trace]], target: float | None, least: float
) -> Comparison:
    everything = list(chain.from_iterable(traces.values()))
    shared = (
        max(int(each.curve.epoch[0]) for each in everything),
        min(int(each.curve.epoch[-1]) for each in everything),
    )
    base = next(iter(traces.values()))
    start, best = (_spread(base, quantity).mean for quantity in (lambda t: t.start, lambda t: t.best))
    goal = best + (1 - GAINED) * (start - best) if target is None else target
    groups = tuple(_group(name, each, shared, goal) for name, each in traces.items())
    scale = _scale(start, best)
    first = groups[0]
    return Comparison(
        metric=metric,
        mode=mode,
        groups=groups,
        contrasts=tuple(
            _contrast(first, each, (base, traces[each.name]), scale, least) for each in groups[1:]
        ),
        target=goal,
        least=least * scale,
        resolution=RESOLUTION * scale,
        shared=shared,
        axis=everything[0].curve.axis,
    )


def _group(name: str, traces: Sequence[_Trace], shared: tuple[int, int], target: float) -> Group:
    # A run that started at epoch 50 and reached the target at 59 took ten epochs.
    reached = {each.run: each.reached(target) for each in traces}

    def epochs_to(trace: _Trace) -> float:
        epoch = reached[trace.run]
        return math.nan if epoch is None else float(epoch - trace.curve.epoch[0] + 1)

    return Group(
        name=name,
        runs=tuple(each.run for each in traces),
        best=_spread(traces, lambda each: each.best),
        final=_spread(traces, lambda each: each.final),
        area=_spread(traces, lambda each: each.area(*shared)),
        epochs=_spread(traces, epochs_to),
        seconds=_spread(traces, lambda each: each.seconds_to(reached[each.run])),
        trained=_spread(traces, lambda each: float(len(each.curve))),
        broken=sum(not math.isfinite(each.final) for each in traces),
        curves=tuple(each.curve for each in traces),
    )


def _spread(traces: Sequence[_Trace], quantity: Callable[[_Trace], float]) -> Spread:
    values = [quantity(each) for each in traces]
    finite = tuple(value for value in values if math.isfinite(value))
    return Spread(values=finite, missing=len(values) - len(finite))


def _scale(start: float, best: float) -> float:
    """What fractions are of: the best value or the gain, whichever is less; never 0."""
    gain, level = abs(start - best), best if best > 0 else math.inf
    scale = min((each for each in (gain, level) if each > 0), default=abs(best))
    return scale if math.isfinite(scale) and scale > 0 else 1.0


def _contrast(
    base: Group, other: Group, traces: tuple[list[_Trace], list[_Trace]], scale: float, least: float
) -> Contrast:
    difference = other.best.mean - base.best.mean
    half, basis = _half_width(base.best, other.best, traces, scale)
    worse = traces[0][0].sign * difference
    judgment = _judgment(worse, half, least * scale, RESOLUTION * scale)
    if 2 * other.broken > len(other.runs) and 2 * base.broken <= len(base.runs):
        judgment, basis = "regressed", "most of its runs end in NaN or infinity"
    return Contrast(
        group=other.name,
        judgment=judgment,
        difference=difference,
        relative=difference / abs(base.best.mean) if base.best.mean else math.nan,
        interval=(difference - half, difference + half),
        basis=basis,
        advice=_advice(base.best, other.best, scale) if judgment == "cannot tell" else "",
    )


def _judgment(worse: float, half: float, least: float, resolution: float) -> Judgment:
    if abs(worse) > half and abs(worse) >= least:
        return "regressed" if worse > 0 else "improved"
    return "same" if half <= resolution else "cannot tell"


def _half_width(
    base: Spread, other: Spread, traces: tuple[list[_Trace], list[_Trace]], scale: float
) -> tuple[float, str]:
    """Half the interval of the difference of two means, and what it was made of."""
    counts = len(base.values), len(other.values)
    if min(counts) == 0:
        return math.inf, "no finite value"
    if max(counts) == 1:
        noises = [max(each[0].noise, SEED_SPREAD * scale) for each in traces]
        half = t_quantile(SURE, math.inf) * math.hypot(*noises)
        return (
            half,
            f"{INTERVAL} if seeds spread by {100 * SEED_SPREAD:.0f} %, which one run each cannot tell",
        )
    if min(counts) == 1:
        several = base if counts[0] > 1 else other
        return _against_one(
            several
        ), f"{INTERVAL}, from the spread over {max(counts)} seeds, of one side only"
    return _of_both(base, other), f"{INTERVAL}, from the spread over {counts[0]} and {counts[1]} seeds"


def _against_one(several: Spread) -> float:
    """Where one more run of the same setting would lie (a prediction interval)."""
    count = len(several.values)
    return t_quantile(SURE, count - 1) * several.deviation * math.sqrt(1 / count + 1)


def _of_both(first: Spread, second: Spread) -> float:
    """Half the interval from both spreads.

    With as many runs on both sides Student's t stands up to unequal spreads (Ramsey, Exact Type I error rates
    for robustness of Student's t test with unequal variances, Journal of Educational Statistics 5, 1980), and
    has more degrees of freedom than Welch's, which counts for three seeds. Else Welch's are needed.
    """
    counts = [len(each.values) for each in (first, second)]
    parts = [each.deviation**2 / len(each.values) for each in (first, second)]
    if sum(parts) == 0:
        return 0.0
    freedom = float(sum(counts) - 2)
    if counts[0] != counts[1]:
        weights = [part**2 / (count - 1) for part, count in zip(parts, counts, strict=True)]
        freedom = sum(parts) ** 2 / sum(weights)
    return t_quantile(SURE, freedom) * math.sqrt(sum(parts))


def _advice(base: Spread, other: Spread, scale: float) -> str:
    """How many seeds a side would narrow the interval to `RESOLUTION`, if they spread as these do."""
    spreads = [each.deviation for each in (base, other) if len(each.values) > 1]
    if not spreads:
        return "train several seeds of each"
    spread = max(spreads)
    for count in range(3, 101):
        if t_quantile(SURE, 2 * count - 2) * spread * math.sqrt(2 / count) <= RESOLUTION * scale:
            return f"about {count} seeds of each would narrow the interval to {100 * RESOLUTION:.0f} % either way"
    return "the seeds differ too much; train longer or make the setting steadier"
