"""The files of a recording, without any training."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import traindiag
from traindiag.capture.files import Table, last_number, write_whole
from traindiag.capture.guard import Guard
from traindiag.capture.recording import Recording, claim, write_facts


def recorded(folder: Path, epochs: range, facts: dict[str, object] | None = None) -> Recording:
    recording = Recording(claim(folder, epochs.start), facts or {}, Guard("recording"))
    for epoch in epochs:
        recording.add(epoch, {"loss": 0.9**epoch, "val_loss": 0.5 + 0.9**epoch}, wall_time=1e9 + epoch)
    return recording


def test_every_file_tells_the_same_run(tmp_path: Path) -> None:
    recorded(tmp_path / "run", range(12), {"batch_size": 32}).close(complete=True)
    whole = traindiag.read(tmp_path / "run")
    assert whole.source.reader == "tensorboard"
    assert len(whole.source.also) == 2
    for form in ("history.csv", "history.json", "tb"):
        wide = traindiag.read(tmp_path / "run" / form).wide()
        assert wide["loss"].tolist() == pytest.approx([0.9**epoch for epoch in range(12)], rel=1e-6)
        assert wide["val_loss"].tolist() == pytest.approx([0.5 + 0.9**epoch for epoch in range(12)], rel=1e-6)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["schema"] == "traindiag.run/1"
    assert (facts["epochs"], facts["complete"], facts["batch_size"]) == (12, True, 32)


def test_event_files_are_those_tensorboard_reads(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recorded(tmp_path / "run", range(3)).close(complete=True)
    for split in ("train", "validation"):
        [path] = (tmp_path / "run" / "tb" / split).iterdir()
        accumulator = EventAccumulator(str(path))
        accumulator.Reload()
        assert [event.step for event in accumulator.Scalars("epoch_loss")] == [0, 1, 2]
        assert [event.wall_time for event in accumulator.Scalars("epoch_loss")] == [1e9, 1e9 + 1, 1e9 + 2]


def test_events_need_no_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom traindiag.capture.event_files import EventFiles\n"
        f"files = EventFiles(Path({str(tmp_path)!r}))\nfiles.add(0, {{'loss': 1.0}}, 1e9)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "train").iterdir())) == 1


def test_without_tensorboard_the_other_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traindiag.capture.recording.can_write_events", lambda: False)
    recorded(tmp_path / "run", range(3)).close(complete=True)
    assert not (tmp_path / "run" / "tb").exists()
    assert len(traindiag.read(tmp_path / "run").wide()) == 3


def test_the_history_keeps_up(tmp_path: Path) -> None:
    """A hundred epochs at once, then as often as it takes a hundredth of the time."""
    recording = recorded(tmp_path / "run", range(100))
    path = tmp_path / "run" / "history.json"
    assert len(json.loads(path.read_text())["epoch"]) == 100
    for epoch in range(100, 130):
        recording.add(epoch, {"loss": 1.0})
    recording._due = float("-inf")  # As if the epochs had taken their time.
    recording.add(130, {"loss": 1.0})
    assert json.loads(path.read_text())["epoch"] == list(range(131))
    assert len(traindiag.read(tmp_path / "run" / "history.csv").wide()) == 131


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_does_not_write_into_its_parents_recording(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "run", range(3))
    pid = os.fork()
    if pid == 0:
        recording.add(3, {"loss": 9.0})
        recording.add_batches({1: 9.0}, 0.0, 1.0)
        recording.close(complete=True)
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(traindiag.read(tmp_path / "run").wide()) == 3
    assert json.loads((tmp_path / "run" / "run.json").read_text())["complete"] is False


def test_batch_losses_are_read_beside_the_epochs(tmp_path: Path) -> None:
    recording = Recording(claim(tmp_path / "run"), {}, Guard("recording"))
    for epoch in range(3):
        losses = {epoch * 4 + step: 1.0 / (epoch * 4 + step) for step in range(1, 5)}
        recording.add_batches(losses, 1e9 + 10 * epoch, 1e9 + 10 * epoch + 9)
        recording.add(epoch, {"loss": sum(losses.values()) / 4}, wall_time=1e9 + 10 * epoch + 10)
    recording.close(complete=True)
    run = traindiag.read(tmp_path / "run")
    [batches] = [series for series in run.series if series.metric == "batch_loss"]
    assert batches.step is not None
    assert batches.epoch is not None
    assert batches.step.tolist() == list(range(1, 13))
    assert batches.epoch.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert batches.value == pytest.approx([1 / step for step in range(1, 13)])
    assert run.source.details["batch values"].startswith("single batches")
    assert len(run.wide()) == 3


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    """No file may grow beyond the middle of its next record: nothing of that stays, and what comes later is whole."""
    resource = pytest.importorskip("resource")
    recording = recorded(tmp_path / "run", range(3))
    [events] = (tmp_path / "run" / "tb" / "train").iterdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for path, epoch in ((tmp_path / "run" / "history.csv", 3), (events, 4)):
        whole = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, limits[1]))
        try:
            recording.add(epoch, {"loss": 0.5, "val_loss": 0.25})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == whole
    recording.add(5, {"loss": 0.5, "val_loss": 0.25})
    recording.close(complete=True)
    assert not {0, 1, 2, 5} - set(traindiag.read(tmp_path / "run" / "history.csv").wide().index)
    wide = traindiag.read(tmp_path / "run" / "tb").wide()
    assert wide["loss"].dropna().index.tolist() == [0, 1, 2, 5]
    assert len(list((tmp_path / "run" / "tb" / "train").iterdir())) == 1


def test_an_event_file_that_cannot_be_begun_is_not_there(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    recording = Recording(claim(tmp_path / "run"), {}, Guard("recording"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        for epoch in range(3):
            recording.add(epoch, {"loss": 1.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in (tmp_path / "run" / "tb").rglob("*") if path.is_file()]


def test_a_later_run_never_overwrites(tmp_path: Path) -> None:
    for _ in range(3):
        recorded(tmp_path / "run", range(4)).close(complete=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-2", "run-3"]


def test_another_process_may_be_quicker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def mkdir(path: Path, **options: Any) -> None:
        make(path, **options)
        if path.name == "run":
            (path / "run.json").write_text("theirs")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert claim(tmp_path / "run").name == "run-2"
    assert (tmp_path / "run" / "run.json").read_text() == "theirs"


def test_a_resumed_run_continues_the_latest_that_got_as_far(tmp_path: Path) -> None:
    recorded(tmp_path / "run", range(4)).close(complete=False)
    recorded(tmp_path / "run", range(4)).close(complete=False)
    again = recorded(tmp_path / "run", range(4, 6))
    again.close(complete=True)
    assert again.folder.name == "run-2"
    assert again.epochs == list(range(6))
    history = json.loads((tmp_path / "run-2" / "history.json").read_text())
    assert history["epoch"] == list(range(6))
    assert len(traindiag.read(tmp_path / "run-2").wide()) == 6
    # Nothing got to epoch 9: this is a run of its own.
    assert recorded(tmp_path / "run", range(9, 10)).folder.name == "run-3"


def test_late_columns_and_missing_values(tmp_path: Path) -> None:
    recording = Recording(claim(tmp_path / "run"), {}, Guard("recording"))
    recording.add(0, {"loss": 1.0})
    recording.add(1, {"loss": math.nan, "val_loss": 2.0})
    recording.add(2, {"loss": math.inf})
    recording.close(complete=True)
    assert recording.history["val_loss"] == [None, 2.0, None]
    for form in ("history.csv", "history.json"):
        wide = traindiag.read(tmp_path / "run" / form).wide()
        assert wide["val_loss"].dropna().to_dict() == {1: 2.0}
        assert math.isnan(wide["loss"][1])
        assert wide["loss"][2] == math.inf


def test_a_line_cut_off_by_a_kill_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n0,1.5\n1,0.")
    Table(path).append([{"epoch": 1, "loss": 0.5}])
    assert path.read_text() == "epoch,loss\n0,1.5\n1,0.5\n"
    assert last_number(path, "epoch") == 1
    assert last_number(tmp_path / "absent.csv", "epoch") is None


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_guard_tells_once_and_lets_ctrl_c_through(capsys: pytest.CaptureFixture[str]) -> None:
    guard = Guard("recording to \x1b[31mlogs")
    for _ in range(3):
        with guard:
            raise OSError(28, "No space left on device")
    [line] = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
    assert "failed (no space left on device); the training goes on" in line
    with pytest.raises(KeyboardInterrupt), guard:
        raise KeyboardInterrupt


def test_a_guard_needs_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Guard("recording"):
        raise ValueError


def test_facts_are_marked(tmp_path: Path) -> None:
    write_facts(tmp_path, {"seed": 3})
    assert json.loads((tmp_path / "run.json").read_text()) == {"schema": "traindiag.run/1", "seed": 3}
