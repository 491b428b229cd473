"""Budgets: limits that a run must keep, as ``val_loss <= 0.35``, ``epochs <= 100`` or ``wall_time <= 2 h``.

=============== ==========================================================================
name            what is held against the limit
=============== ==========================================================================
a metric        its best value: the lowest logged of ``val_loss``, the highest of ``val_accuracy``
``last`` metric its last value: ``last val_loss <= 0.4``
``best_epoch``  the zero-based epoch of the best val_loss (of the loss, without validation)
``epochs``      how many epochs were logged
``wall_time``   what all epochs took; limits in ``s``, ``min``, ``h`` or ``d``. An epoch whose
                time the log does not hold, the first one as a rule, counts as the median one.
=============== ==========================================================================

Limits of accuracies may be written in percent, ``val_accuracy >= 90 %``, whichever way the log counts.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from traindiag.analysis.level import as_fraction
from traindiag.analysis.signals import Signals, is_batch
from traindiag.analysis.timing import epoch_seconds
from traindiag.model.curve import Curve
from traindiag.model.errors import UsageError
from traindiag.model.names import is_accuracy, mode_of, split_and_metric

Which = Literal["best", "last"]
Aggregate = Literal["worst", "median", "best"]
AGGREGATES: tuple[Aggregate, ...] = ("worst", "median", "best")

BEST_EPOCH, EPOCHS, WALL_TIME = "best_epoch", "epochs", "wall_time"
OF_THE_RUN = (BEST_EPOCH, EPOCHS, WALL_TIME)
"""Names that no metric stands for."""

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_SECONDS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BUDGET = re.compile(
    r"(?:(?P<which>best|last)\s+)?(?P<name>\S.*?)(?<![<>=])\s*(?P<operator><=|>=|<|>)\s*"
    r"(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(?P<unit>[a-z]*|%)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One limit.

    Attributes:
        text: as it was written.
        name: a metric as Keras calls it (``val_loss``), or one of `OF_THE_RUN`.
        which: the value of a metric that counts.
        operator: ``<=``, ``>=``, ``<`` or ``>``.
        limit: in the metric's own unit, in seconds for wall_time, as a fraction where % was written.
        percent: whether % was written.
    """

    text: str
    name: str
    which: Which
    operator: str
    limit: float
    percent: bool = False

    def keeps(self, value: float) -> bool:
        """Whether a value keeps the budget; NaN never does."""
        return _OPERATORS[self.operator](value, self.limit)

    @property
    def less_is_better(self) -> bool:
        """Whether the limit is an upper one."""
        return self.operator in ("<=", "<")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a budget measured on one run.

    Attributes:
        value: NaN where only NaN was logged.
        series: the curve it was read from: ``val/loss``.
        epochs: first and last epoch it was read from.
    """

    value: float
    series: str
    epochs: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetResult:
    """A budget on one run, or on the seeds of one setting.

    Attributes:
        group: name of the run, or of the setting where several seeds were aggregated.
        run: the run whose value stands for the group.
        measured: None where no run of the group logs it.
        runs: how many runs the group has.
    """

    budget: Budget
    group: str
    run: str
    measured: Measured | None
    runs: int

    @property
    def kept(self) -> bool:
        """Whether the budget was measured and kept."""
        return self.measured is not None and self.budget.keeps(self.measured.value)


def parse_budget(text: str) -> Budget:
    """The budget a text stands for.

    Raises:
        UsageError: it is no budget.
    """
    match = _BUDGET.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no budget", next_step="write NAME <= LIMIT, as in val_loss <= 0.35")
    name, unit = match["name"], match["unit"].lower()
    if unit == "%":
        if not is_accuracy(name):
            raise UsageError(f"{text!r}: only accuracies count in percent", next_step="leave the % out")
        limit = float(match["limit"]) / 100
    elif unit and name != WALL_TIME:
        raise UsageError(f"{text!r}: {name} has no unit {unit!r}", next_step="leave the unit out")
    elif unit not in _SECONDS:
        raise UsageError(f"{text!r}: unknown unit {unit!r}", next_step="use s, min, h or d")
    else:
        limit = float(match["limit"]) * _SECONDS[unit]
    which: Which = "last" if (match["which"] or "").lower() == "last" else "best"
    return Budget(
        text=text.strip(),
        name=name,
        which=which,
        operator=match["operator"],
        limit=limit,
        percent=unit == "%",
    )


def measure(budget: Budget, signals: Signals) -> Measured | None:
    """What a budget measures on a run; None where the log does not hold it."""
    if budget.name == WALL_TIME:
        return _wall_time(signals)
    if budget.name in (BEST_EPOCH, EPOCHS):
        return _of_epochs(budget.name, signals)
    curve = signals.curve(*split_and_metric(budget.name))
    return None if curve is None or not len(curve) else _of_metric(budget, curve)


def known_names(signals: Iterable[Signals]) -> list[str]:
    """The names a budget on these runs can have."""
    curves = [curve for each in signals for curve in each.curves if not is_batch(curve)]
    return sorted({logged_name(curve) for curve in curves}) + list(OF_THE_RUN)


def logged_name(curve: Curve) -> str:
    """Keras' name of a curve: ``val_loss``."""
    return curve.metric if curve.split == "train" else f"{curve.split}_{curve.metric}"


def standing_for_all(
    values: Sequence[Measured | None], budget: Budget, aggregate: Aggregate
) -> tuple[int, Measured | None]:
    """The place and the measurement that stands for several runs of one setting.

    The median of an even number is the worse of the two in the middle. What was not measured is worst.
    """
    sign = 1.0 if budget.less_is_better else -1.0

    def badness(place: int) -> float:
        value = values[place]
        return math.inf if value is None or math.isnan(value.value) else sign * value.value

    ranked = sorted(range(len(values)), key=badness)
    place = ranked[{"best": 0, "median": len(ranked) // 2, "worst": -1}[aggregate]]
    return place, values[place]


def describe(budget: Budget) -> str:
    """What a budget looks at, in a few words: ``best val_loss``, ``seconds of all epochs``."""
    if budget.name == WALL_TIME:
        return "seconds of all epochs"
    return budget.name.replace("_", " ") if budget.name in OF_THE_RUN else f"{budget.which} {budget.name}"


def value_text(budget: Budget, value: float) -> str:
    """What was measured, as a person writes it: ``val_loss 0.412``, ``epochs 60``, ``wall_time 2.1 h``."""
    if budget.name == "wall_time":
        text = f"{value:.3g} s" if value < 120 else f"{value / 60:.3g} min"
        return f"{budget.name} {text if value < 7200 else f'{value / 3600:.3g} h'}"
    digits = f"{100 * value:.4g} %" if budget.percent else f"{value:.4g}"
    return f"{'last ' if budget.which == 'last' else ''}{budget.name} {digits}"


def _of_epochs(name: str, signals: Signals) -> Measured | None:
    curve = signals.val if signals.val is not None else signals.train
    if curve is None or not len(curve):
        return None
    epochs = (int(curve.epoch[0]), int(curve.epoch[-1]))
    if name == EPOCHS:
        return Measured(value=float(signals.epochs), series=curve.series, epochs=epochs)
    if signals.best is None:
        return None
    epoch = signals.best.epoch
    return Measured(value=float(epoch), series=curve.series, epochs=(epoch, epoch))


def _of_metric(budget: Budget, curve: Curve) -> Measured:
    value = curve.value
    # A log in percent is held against a limit that is plainly a fraction as fractions.
    if budget.percent or (is_accuracy(curve.metric) and abs(budget.limit) <= 1):
        value = as_fraction(curve).value
    if budget.which == "last":
        epoch = int(curve.epoch[-1])
        return Measured(value=float(value[-1]), series=curve.series, epochs=(epoch, epoch))
    finite = np.flatnonzero(np.isfinite(value))
    if not len(finite):
        span = (int(curve.epoch[0]), int(curve.epoch[-1]))
        return Measured(value=math.nan, series=curve.series, epochs=span)
    mode = mode_of(curve.metric) or ("min" if budget.less_is_better else "max")
    place = finite[np.argmin(value[finite]) if mode == "min" else np.argmax(value[finite])]
    epoch = int(curve.epoch[place])
    return Measured(value=float(value[place]), series=curve.series, epochs=(epoch, epoch))


def _wall_time(signals: Signals) -> Measured | None:
    seconds = total_seconds(signals)
    curve = signals.train if signals.train is not None else signals.val
    if seconds is None or curve is None:
        return None
    return Measured(value=seconds, series=curve.series, epochs=(int(curve.epoch[0]), int(curve.epoch[-1])))


def total_seconds(signals: Signals) -> float | None:
    """What all epochs of a run took, in seconds; epochs whose time is not known count as the median one."""
    times = epoch_seconds(signals)
    if times is None or not len(times[1]):
        return None
    seconds = times[1]
    unknown = max(signals.epochs - len(seconds), 0)
    return float(np.sum(seconds) + unknown * np.median(seconds))
