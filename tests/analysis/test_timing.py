"""Times of epochs and of waiting, and where a log steps back."""

from __future__ import annotations

import numpy as np
import pytest

from traindiag.analysis.gradients import gradient_norm, idle_units, layer_norms
from traindiag.analysis.resumes import resumes_of
from traindiag.analysis.signals import Signals
from traindiag.analysis.timing import epoch_seconds, waiting
from traindiag.model.convert import run_from_history
from traindiag.model.frame import Series
from traindiag.model.run import Run, Source


def signals(history: dict[str, list[float]]) -> Signals:
    return Signals(run_from_history(history))


def logged(*series: Series) -> Signals:
    return Signals(Run(name="run", source=Source(path="run", reader="memory"), series=series))


def test_a_metric_of_times_comes_before_the_log_s_own() -> None:
    loss = Series("train", "loss", [1.0, 0.9], epoch=[0, 1], wall_time=[10.0, 20.0])
    times = epoch_seconds(logged(loss, Series("train", "epoch_time", [5.0, 6.0], epoch=[0, 1])))
    assert times is not None
    assert times[1].tolist() == [5.0, 6.0]


def test_wall_times_without_the_gap_of_a_restart() -> None:
    series = Series(
        "train", "loss", [1.0] * 5, epoch=[0, 1, 2, 1, 2], wall_time=[0.0, 10.0, 20.0, 500.0, 512.0]
    )
    times = epoch_seconds(logged(series))
    assert times is not None
    assert times[1].tolist() == [10.0, 10.0, 12.0]


def test_no_times() -> None:
    assert epoch_seconds(signals({"loss": [1.0, 0.9, 0.8]})) is None


@pytest.mark.parametrize(
    ("wait", "step"), [("data_time", "step_time"), ("timing/wait_time", "batch_time"), ("data_time", "time")]
)
def test_waiting_under_any_name(wait: str, step: str) -> None:
    pair = waiting(signals({"loss": [1.0, 0.9], wait: [0.1, 0.1], step: [0.2, 0.2]}))
    assert pair is not None
    assert (pair[0].metric, pair[1].metric) == (wait, step)


def test_waiting_needs_both() -> None:
    assert waiting(signals({"loss": [1.0, 0.9], "data_time": [0.1, 0.1]})) is None


def test_names_of_gradients_and_idle_units() -> None:
    found = signals(
        {
            "grad_2.0_norm_total": [1.0, 2.0],
            "gradient_norm/a": [1.0, 2.0],
            "grad_2.0_norm/b": [1.0, 2.0],
            "zero_fraction/c": [0.5, 0.5],
            "dead_fraction/d": [0.1, 0.1],
            "weight_norm": [1.0, 1.0],
        }
    )
    norm = gradient_norm(found)
    assert norm is not None
    assert norm.metric == "grad_2.0_norm_total"
    assert [layer for layer, _ in layer_norms(found)] == ["a", "b"]
    assert [(kind, layer) for kind, layer, _ in idle_units(found)] == [
        ("zero_fraction", "c"),
        ("dead_fraction", "d"),
    ]


def test_steps_back_and_repeats() -> None:
    resumes = resumes_of(Series("train", "loss", [5.0, 4.0, 3.0, 4.5, 3.2], epoch=[0, 1, 2, 1, 2]))
    assert [(each.last, each.first) for each in resumes] == [(2, 1)]
    assert resumes[0].jump == pytest.approx(0.5)
    again = resumes_of(Series("train", "loss", [5.0, 4.0, 3.9], epoch=[0, 1, 1]))
    assert [(each.last, each.first) for each in again] == [(1, 1)]


def test_batches_of_one_epoch_are_no_repeats() -> None:
    series = Series("train", "loss", np.ones(4), epoch=[0, 0, 1, 1], step=[0, 1, 2, 3])
    assert resumes_of(series) == ()
