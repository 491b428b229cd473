"""Runs, or groups of seeds, side by side: what differs, and whether it is more than noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from traindiag.analysis.signals import Signals, is_batch
from traindiag.comparison.judging import LEAST, Measure, contrast_of, scale_of
from traindiag.comparison.shapes import Comparison, Group, Spread
from traindiag.comparison.trace import Trace, traces_of
from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import Mode, mode_of, split_and_metric
from traindiag.model.nearest import did_you_mean
from traindiag.model.run import Run

GAINED = 0.95
"""The default target is the value at which the base had gained this share of all it would gain."""


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
    traces = {group: traces_of(each, name, found) for group, each in signals.items()}
    return _compared(name, found, traces, target, least)


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


def _name(curve: Curve) -> str:
    return curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"


def _compared(
    metric: str, mode: Mode, traces: Mapping[str, list[Trace]], target: float | None, least: float
) -> Comparison:
    everything = list(chain.from_iterable(traces.values()))
    shared = (
        max(int(each.curve.epoch[0]) for each in everything),
        min(int(each.curve.epoch[-1]) for each in everything),
    )
    base = next(iter(traces.values()))
    start, best = _spread(base, lambda each: each.start).mean, _spread(base, lambda each: each.best).mean
    goal = best + (1 - GAINED) * (start - best) if target is None else target
    scale = scale_of(start, best)
    measure = Measure(sign=base[0].sign, scale=scale, least=least * scale)
    first, *others = (_group(name, each, shared, goal) for name, each in traces.items())
    return Comparison(
        metric=metric,
        mode=mode,
        groups=(first, *others),
        contrasts=tuple(
            contrast_of(first, each, (base[0].noise, traces[each.name][0].noise), measure) for each in others
        ),
        target=goal,
        least=measure.least,
        resolution=measure.resolution,
        shared=shared,
        axis=everything[0].curve.axis,
    )


def _group(name: str, traces: Sequence[Trace], shared: tuple[int, int], target: float) -> Group:
    return Group(
        name=name,
        runs=tuple(each.signals.run.name for each in traces),
        paths=tuple(each.signals.run.source.path for each in traces),
        best=_spread(traces, lambda each: each.best),
        final=_spread(traces, lambda each: each.final),
        area=_spread(traces, lambda each: each.area(*shared)),
        epochs=_spread(traces, lambda each: each.epochs_to(target)),
        seconds=_spread(traces, lambda each: each.seconds_to(target)),
        trained=_spread(traces, lambda each: float(len(each.curve))),
        broken=sum(each.ends_broken for each in traces),
        curves=tuple(each.curve for each in traces),
    )


def _spread(traces: Sequence[Trace], quantity: Callable[[Trace], float]) -> Spread:
    values = [quantity(each) for each in traces]
    finite = tuple(value for value in values if math.isfinite(value))
    return Spread(values=finite, missing=len(values) - len(finite))
