"""Budgets: how they are written, and what they measure on a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.signals import Signals
from traindiag.budgets import (
    AGGREGATES,
    Aggregate,
    Measured,
    known_names,
    measure,
    parse_budget,
    standing_for_all,
    value_text,
)
from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.model.frame import Series
from traindiag.model.run import Run, Source

HISTORY = {
    "loss": [2.0, 1.0, 0.5, 0.4],
    "val_loss": [2.0, 0.9, 0.6, 0.7],
    "val_accuracy": [0.4, 0.8, 0.75, 0.7],
    "wobble": [3.0, 1.0, 2.0, 2.5],
}


def signals(history: Mapping[str, list[float]] = HISTORY) -> Signals:
    return Signals(run_from_history(history))


def measured(text: str, history: Mapping[str, list[float]] = HISTORY) -> float | None:
    found = measure(parse_budget(text), signals(history))
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("text", "name", "which", "operator", "limit"),
    [
        ("val_loss <= 0.35", "val_loss", "best", "<=", 0.35),
        ("val_accuracy>=0.9", "val_accuracy", "best", ">=", 0.9),
        ("last val_loss < 4e-1", "val_loss", "last", "<", 0.4),
        ("best loss > -1.5", "loss", "best", ">", -1.5),
        ("epochs <= 100", "epochs", "best", "<=", 100),
        ("wall_time <= 2 h", "wall_time", "best", "<=", 7200),
        ("wall_time<=90", "wall_time", "best", "<=", 90),
        ("wall_time <= 1.5 min", "wall_time", "best", "<=", 90),
        ("val_mAP_0.5 >= .4", "val_mAP_0.5", "best", ">=", 0.4),
        ("main/loss <= 1", "main/loss", "best", "<=", 1),
        ("val_accuracy >= 90 %", "val_accuracy", "best", ">=", 0.9),
        ("lastly <= 1", "lastly", "best", "<=", 1),
    ],
)
def test_written_forms(text: str, name: str, which: str, operator: str, limit: float) -> None:
    budget = parse_budget(f"  {text} ")
    assert (budget.name, budget.which, budget.operator) == (name, which, operator)
    assert budget.limit == pytest.approx(limit)
    assert budget.text == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("val_loss", "NAME <= LIMIT"),
        ("val_loss = 3", "NAME <= LIMIT"),
        ("val_loss =< 3", "NAME <= LIMIT"),
        ("<= 3", "NAME <= LIMIT"),
        ("val_loss <= much", "NAME <= LIMIT"),
        ("val_loss <= 3 h", "leave the unit out"),
        ("wall_time <= 3 weeks", "s, min, h or d"),
        ("val_loss <= 3 %", "leave the % out"),
    ],
)
def test_no_budgets(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_budget(text)
    assert hint in caught.value.next_step


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_budget_or_an_error(text: str) -> None:
    try:
        budget = parse_budget(text)
    except UsageError:
        return
    assert math.isfinite(budget.limit) or "e" in text.lower()
    assert budget.name.strip() == budget.name != ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("val_loss <= 1", 0.6),
        ("val_loss >= 0.1", 0.6),
        ("last val_loss <= 1", 0.7),
        ("val_accuracy >= 0.5", 0.8),
        ("last val_accuracy >= 0.5", 0.7),
        ("epochs <= 9", 4),
        ("best_epoch <= 9", 2),
        ("val_auc >= 0.5", None),
        ("wall_time <= 9", None),
        # The name does not tell whether less or more is better: the limit's side does.
        ("wobble <= 9", 1.0),
        ("wobble >= 0", 3.0),
    ],
)
def test_what_is_measured(text: str, value: float | None) -> None:
    assert measured(text) == value


def test_nan_is_never_within_a_budget() -> None:
    history = {"loss": [1.0, 0.5, math.nan], "val_loss": [math.nan] * 3}
    assert measured("loss <= 1", history) == 0.5
    last = measure(parse_budget("last loss <= 1"), signals(history))
    assert last is not None
    assert not parse_budget("last loss <= 1").keeps(last.value)
    never = measure(parse_budget("val_loss <= 1"), signals(history))
    assert never is not None
    assert math.isnan(never.value)


@pytest.mark.parametrize("factor", [1, 100])
@pytest.mark.parametrize("text", ["val_accuracy >= 70 %", "val_accuracy >= 0.7"])
def test_accuracies_in_percent_are_held_against_fractions(text: str, factor: float) -> None:
    history = {"loss": [1.0, 0.5], "val_accuracy": [0.5 * factor, 0.8 * factor]}
    assert measured(text, history) == pytest.approx(0.8)


def test_a_limit_above_one_is_in_the_log_s_own_unit() -> None:
    assert measured("val_accuracy >= 75", {"val_accuracy": [50.0, 80.0], "loss": [1.0, 0.5]}) == 80


def timed(wall: list[float]) -> Run:
    epochs = np.arange(len(wall))
    series = Series("train", "loss", 1.0 / (1 + epochs), epoch=epochs, wall_time=wall)
    return Run(name="run", source=Source(path="run", reader="memory"), series=[series])


def test_wall_time_counts_the_first_epoch_as_the_median_one() -> None:
    found = measure(parse_budget("wall_time <= 1 min"), Signals(timed([100.0, 110.0, 122.0, 132.0])))
    assert found is not None
    assert found.value == 10 + 12 + 10 + 10


def test_epoch_times_in_the_log_count() -> None:
    assert measured("wall_time <= 1", {"loss": [1, 0.5, 0.4], "epoch_time": [3.0, 2.0, 2.0]}) == 7


def test_known_names() -> None:
    assert known_names([signals()]) == [
        "loss", "val_accuracy", "val_loss", "wobble", "best_epoch", "epochs", "wall_time",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "aggregate", "value"),
    [
        ("val_loss <= 1", "worst", 5),
        ("val_loss <= 1", "median", 3),
        ("val_loss <= 1", "best", 1),
        ("val_accuracy >= 1", "worst", 1),
        ("val_accuracy >= 1", "median", 2),
        ("val_accuracy >= 1", "best", 5),
    ],
)
def test_seeds(text: str, aggregate: Aggregate, value: float) -> None:
    values = [Measured(value=each, series="val/loss", epochs=(0, 0)) for each in (3.0, 1.0, 5.0, 2.0)]
    place, found = standing_for_all(values, parse_budget(text), aggregate)
    assert found is values[place]
    assert found is not None
    assert found.value == value


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True)), min_size=1, max_size=9))
def test_worst_is_no_better_than_median_than_best(values: list[float | None]) -> None:
    budget = parse_budget("val_loss <= 0")
    cells = [None if v is None else Measured(value=v, series="val/loss", epochs=(0, 0)) for v in values]

    def badness(aggregate: Aggregate) -> float:
        found = standing_for_all(cells, budget, aggregate)[1]
        return math.inf if found is None or math.isnan(found.value) else found.value

    worst, median, best = (badness(each) for each in AGGREGATES)
    assert worst >= median >= best


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("val_loss <= 1", 0.41234, "val_loss 0.4123"),
        ("last val_loss <= 1", 0.4, "last val_loss 0.4"),
        ("val_accuracy >= 90 %", 0.853, "val_accuracy 85.3 %"),
        ("wall_time <= 1 h", 45.0, "wall_time 45 s"),
        ("wall_time <= 1 h", 600.0, "wall_time 10 min"),
        ("wall_time <= 1 h", 9000.0, "wall_time 2.5 h"),
    ],
)
def test_values_as_a_person_writes_them(text: str, value: float, shown: str) -> None:
    assert value_text(parse_budget(text), value) == shown
