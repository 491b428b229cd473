"""Following growing logs: what is read, what is told, and what truncation and replacement do."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from traindiag.model.convert import run_from_history
from traindiag.replay.changes import Known
from traindiag.replay.follow import Follower
from traindiag.replay.play import play
from traindiag.replay.tail import MOST_ROWS, Tail
from traindiag.replay.watcher import Watcher
from traindiag.rules.examples import decay, valley

OVER = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.4, 10, 0.01)}


def rows(start: int, stop: int, history=OVER) -> str:
    return "".join(
        f"{epoch},{history['loss'][epoch]!r},{history['val_loss'][epoch]!r}\n" for epoch in range(start, stop)
    )


HEADER = "epoch,loss,val_loss\n"


def told(events):
    return [(event.epoch, each.rule, each.severity) for event in events for each in event.change.new]


def test_news_comes_at_the_epoch_that_replay_names(tmp_path: Path):
    log = tmp_path / "log.csv"
    watcher = Watcher([Follower(str(log))])
    assert list(watcher.look(0.0)) == []
    log.write_text(HEADER)
    heard = []
    for epoch in range(40):
        with log.open("a") as file:
            file.write(rows(epoch, epoch + 1))
        if epoch % 3 == 0 or epoch == 39:  # several epochs between two looks
            heard += told(watcher.look(float(epoch)))
    known = Known()
    expected = [
        (moment.epoch, each.rule, each.severity)
        for moment in play(run_from_history(OVER, name="log"), known)
        for each in moment.change.new
    ]
    assert heard == expected
    assert heard


def test_nothing_new_is_no_event(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(0, 30))
    watcher = Watcher([Follower(str(tmp_path))])
    assert [event.epoch for event in watcher.look(0.0)] == [29]
    assert list(watcher.look(1.0)) == []
    os.utime(log, (1, 1))  # touched, not grown
    assert list(watcher.look(2.0)) == []


@pytest.mark.parametrize("small", [1 << 20, 0], ids=["read whole", "read in pieces"])
@pytest.mark.parametrize("how", ["truncated", "replaced"])
def test_truncation_and_replacement_begin_again(tmp_path: Path, small: int, how: str):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(0, 40))
    watcher = Watcher([Follower(str(log), small=small)])
    assert {rule for _, rule, _ in told(watcher.look(0.0))} == {"overfitting"}
    if how == "truncated":
        with log.open("w") as file:
            file.write(HEADER + rows(0, 6))
    else:
        (tmp_path / "other").write_text(HEADER + rows(0, 6))
        os.replace(tmp_path / "other", log)
    events = list(watcher.look(1.0))
    assert [event.kind for event in events] == ["restarted", "epoch"]
    assert events[-1].epoch == 5
    assert watcher.worst is None
    with log.open("a") as file:
        file.write(rows(6, 40))
    assert "overfitting" in {rule for _, rule, _ in told(watcher.look(2.0))}


@pytest.mark.parametrize("small", [1 << 20, 0], ids=["read whole", "read in pieces"])
def test_replaced_by_a_longer_log(tmp_path: Path, small: int):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(0, 10))
    follower = Follower(str(log), small=small)
    follower.look()
    good = {"loss": decay(20, 5.0, 0.3), "val_loss": decay(20, 5.0, 0.4)}
    (tmp_path / "other").write_text(HEADER + rows(0, 20, good))
    os.replace(tmp_path / "other", log)
    runs = follower.look()
    assert runs is not None
    [curve] = [curve for curve in runs[0].curves() if curve.split == "val"]
    assert curve.value.tolist() == good["val_loss"]


def test_runs_appear_and_vanish(tmp_path: Path):
    watcher = Watcher([Follower(str(tmp_path))])
    (tmp_path / "a").mkdir()
    assert list(watcher.look(0.0)) == []
    (tmp_path / "a" / "log.csv").write_text(HEADER + rows(0, 10))
    assert [event.kind for event in watcher.look(1.0)] == ["epoch"]
    (tmp_path / "a" / "log.csv").unlink()
    assert [event.kind for event in watcher.look(2.0)] == ["gone"]


def test_stalled_is_told_once_and_cleared(tmp_path: Path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + rows(0, 8))
    watcher = Watcher([Follower(str(log))], stall_after=60)
    list(watcher.look(0.0))
    assert list(watcher.look(59.0)) == []
    assert told(watcher.look(61.0))[0][1] == "stalled"
    assert list(watcher.look(200.0)) == []
    with log.open("a") as file:
        file.write(rows(8, 9))
    [event] = watcher.look(210.0)
    assert [each.rule for each in event.change.cleared] == ["stalled"]


def reader(name: str):
    from traindiag.readers.base import all_readers

    return next(each for each in all_readers() if each.name == name)


@pytest.mark.parametrize("cuts", [[1], [40, 41, 300, 301, 302], [700, 1000]])
def test_pieces_are_the_whole_csv(tmp_path: Path, cuts: list[int]):
    data = (HEADER + rows(0, 40)).encode()
    path = tmp_path / "log.csv"
    path.write_bytes(b"")
    tail = Tail(path, "log.csv", reader("keras-csv"))
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        with path.open("ab") as file:
            file.write(data[start:stop])
        tail.advance()
    found = {key: each.series() for key, each in tail.rows.items()}
    for key, name in ((("train", "loss"), "loss"), (("val", "loss"), "val_loss")):
        assert found[key].value.tolist() == OVER[name]
        assert found[key].epoch.tolist() == list(range(40))


def test_rows_without_an_epoch_column_are_counted_on(tmp_path: Path):
    path = tmp_path / "log.csv"
    lines = [f"{a},{b}\n" for a, b in zip(OVER["loss"], OVER["val_loss"], strict=True)]
    path.write_text("loss,val_loss\n" + "".join(lines[:20]))
    tail = Tail(path, "log.csv", reader("keras-csv"))
    tail.advance()
    for line in lines[20:]:
        with path.open("a") as file:
            file.write(line)
        tail.advance()
    assert tail.rows["train", "loss"].series().epoch.tolist() == list(range(40))


def test_pieces_of_json_lines_keep_their_epochs(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"epoch": e + 1, "loss": OVER["loss"][e]}) + "\n" for e in range(40)]
    path.write_text("".join(lines[:12]))
    tail = Tail(path, "metrics.jsonl", reader("jsonl"))
    tail.advance()
    for line in lines[12:]:
        with path.open("a") as file:
            file.write(line[:5])
        tail.advance()  # half a line is waited for
        with path.open("a") as file:
            file.write(line[5:])
        tail.advance()
    found = tail.rows["train", "loss"].series()
    assert found.value.tolist() == OVER["loss"]
    assert found.epoch.tolist() == list(range(40))


def test_pieces_of_event_files_are_the_whole(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from traindiag.replay.growing import growing_log

    log = growing_log(tmp_path, "tensorboard", ["loss", "val_loss"])
    pieces = Follower(str(tmp_path), small=0)
    for epoch in range(40):
        log.add(epoch, {name: values[epoch] for name, values in OVER.items()}, 1e9 + epoch)
        if epoch % 7 == 0:
            pieces.look()
    log.close()
    [run] = pieces.look() or ()
    [whole] = Follower(str(tmp_path)).look() or ()
    for mine, theirs in zip(run.curves(), whole.curves(), strict=True):
        assert mine.series == theirs.series
        assert mine.epoch.tolist() == theirs.epoch.tolist()
        assert np.array_equal(mine.value, theirs.value)


def test_memory_is_bounded_and_nan_stays_seen(tmp_path: Path):
    path = tmp_path / "log.csv"
    count = 5 * MOST_ROWS + 3
    values = [1.0 + 1 / (at + 1) for at in range(count)]
    values[17] = float("nan")
    path.write_text("epoch,loss\n" + "".join(f"{at},{value!r}\n" for at, value in enumerate(values)))
    tail = Tail(path, "log.csv", reader("keras-csv"))
    tail.advance()
    found = tail.rows["train", "loss"].series()
    assert len(found) <= MOST_ROWS + 8
    assert np.isnan(found.value).sum() == 1
    assert found.epoch[-1] == count - 1
    assert np.all(np.diff(found.epoch) > 0)
    assert found.value[-1] == pytest.approx(1.0, abs=1e-3)
