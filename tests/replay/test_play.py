"""Replays: what was said when, and logs that grow."""

import json
import math
import sys
from pathlib import Path

import pytest

from traindiag.api import read
from traindiag.diagnosis import diagnose_run
from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.replay.changes import Known
from traindiag.replay.growing import growing_log
from traindiag.replay.logs import epoch_logs
from traindiag.replay.play import play, until
from traindiag.rules.examples import decay, valley

OVER = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.4, 10, 0.01)}


def test_each_moment_is_what_a_shorter_log_would_have_given():
    run = run_from_history(OVER)
    for moment in play(run):
        short = run_from_history({name: values[: moment.epoch + 1] for name, values in OVER.items()})
        assert moment.report.verdict == diagnose_run(short).verdict


def test_first_warning_comes_before_the_end_and_once():
    known = Known()
    moments = list(play(run_from_history(OVER), known))
    assert known.first is not None
    epoch, finding = known.first
    assert finding.rule == "overfitting"
    assert 10 < epoch < 39
    told = [(moment.epoch, each.severity) for moment in moments for each in moment.change.new]
    assert len(told) == len(set(told)) <= 4


def test_healthy_run_has_no_warning():
    known = Known()
    list(play(run_from_history({"loss": decay(30, 2.0, 0.3), "val_loss": decay(30, 2.0, 0.4)}), known))
    assert known.first is None


def test_rows_without_epochs_are_left_out_and_steps_refused():
    from traindiag.model.frame import Series
    from traindiag.model.run import Run, Source

    run = Run(
        name="r", source=Source(path="r", reader="memory"), series=[Series("train", "loss", [1.0], step=[3])]
    )
    assert until(run, 5).series == ()
    with pytest.raises(UsageError, match="counts steps"):
        list(play(run))


@pytest.mark.parametrize("format", ["csv", "history", "tensorboard"])
def test_growing_log_is_the_run_again(tmp_path: Path, format: str):
    history = {
        "loss": [3.0, math.nan, 1.0],
        "val_loss": [2.0, 1.5, math.inf],
        "learning_rate": [0.1, 0.1, 0.01],
    }
    if format == "tensorboard":
        pytest.importorskip("tensorboard")
    logs = epoch_logs(run_from_history(history))
    log = growing_log(tmp_path, format, list(history))
    for epoch, values in zip(logs.epochs, logs.logs, strict=True):
        log.add(epoch, values, 1e9 + epoch)
        assert len(epoch_logs(read(tmp_path)).epochs) == epoch + 1
    log.close()
    again = epoch_logs(read(tmp_path))
    assert again.epochs == logs.epochs
    for mine, theirs in zip(logs.logs, again.logs, strict=True):
        assert mine.keys() == theirs.keys()
        assert all(
            repr(round(mine[name], 6)) == repr(round(theirs[name], 6))
            for name in mine
            if math.isfinite(mine[name])
        )


def test_tensorboard_that_is_absent_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(UsageError, match=r"traindiag\[keras\]"):
        growing_log(tmp_path, "tensorboard", ["loss"])


def test_replay_json():
    from traindiag.replay.play_json import replay_json

    [run] = json.loads(replay_json([run_from_history(OVER)]))["runs"]
    assert run["first_warning"]["rule"] == "overfitting"
    assert [moment["epoch"] for moment in run["moments"]] == list(range(40))
