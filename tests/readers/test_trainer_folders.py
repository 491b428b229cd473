"""Folders as Hugging Face's Trainer and PyTorch's ``add_hparams`` leave them: one run, read once."""

from __future__ import annotations

import json

import pytest
from event_bytes import scalars, version

from traindiag.readers.discover import find_runs

EVENTS = "events.out.tfevents.1700000000.host.7.0"


def trainer_rows(epochs, per_epoch):
    for i in range(1, epochs * per_epoch + 1):
        yield i, i / per_epoch, round(3.0 / i, 4)


def trainer_events(epochs, per_epoch=2):
    points = []
    for step, done, loss in trainer_rows(epochs, per_epoch):
        points += [("train/loss", step, loss), ("train/epoch", step, done)]
    return version() + scalars(points)


def trainer_state(epochs, per_epoch=2):
    rows = trainer_rows(epochs, per_epoch)
    return json.dumps(
        {"log_history": [{"epoch": done, "step": step, "loss": loss} for step, done, loss in rows]}
    )


@pytest.mark.parametrize("runs", ["runs/Nov21_10-10-41_host", "runs"])
@pytest.mark.parametrize("state", ["trainer_state.json", "checkpoint-20/trainer_state.json"])
def test_state_and_event_files_of_a_trainer_are_one_run(write, tmp_path, runs, state):
    write(f"out/{state}", trainer_state(8))
    write(f"out/{runs}/{EVENTS}", trainer_events(10))
    for path in (tmp_path, tmp_path / "out"):
        [run] = find_runs([path]).runs
        assert run.name == "out"
        assert run.source.reader == "tensorboard"
        assert run.source.also[0].endswith("trainer_state.json")
        assert run.wide().index.tolist() == list(range(10))


def test_runs_without_a_trainer_stay_apart(write, tmp_path):
    for number, name in enumerate(("a", "b")):
        write(
            f"runs/{name}/{EVENTS}", version() + scalars([("loss", step, number - step) for step in range(5)])
        )
    assert [run.name for run in find_runs([tmp_path]).runs] == ["runs/a", "runs/b"]


def test_epochs_done_are_epochs_unless_there_are_few(write):
    [many] = find_runs([write(f"a/{EVENTS}", trainer_events(10))]).runs
    assert [curve.axis for curve in many.curves()] == ["epoch"]
    assert many.wide()["loss"].tolist() == pytest.approx(
        [(round(3 / (2 * e + 1), 4) + round(3 / (2 * e + 2), 4)) / 2 for e in range(10)]
    )
    [few] = find_runs([write(f"b/{EVENTS}", trainer_events(2, 30))]).runs
    assert {curve.axis for curve in few.curves()} == {"step"}


def test_what_add_hparams_writes_belongs_to_the_run_above(write, tmp_path):
    write(f"exp/{EVENTS}", version() + scalars([("loss", step, 3.0 - step) for step in range(3)]))
    write(f"exp/1700000000.0987/{EVENTS}", version() + scalars([("hparam/accuracy", 0, 0.5)]))
    [run] = find_runs([tmp_path]).runs
    assert run.name == "exp"
    assert {each.metric for each in run.series} == {"loss", "hparam/accuracy"}


def test_runs_called_by_the_time_stay_runs(write, tmp_path):
    for stamp in ("1700000000.1", "1700000001.2"):
        points = [("loss", step, float(stamp[-1]) - step) for step in range(3)]
        write(f"{stamp}/{EVENTS}", version() + scalars(points))
    assert len(find_runs([tmp_path]).runs) == 2
