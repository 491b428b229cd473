"""From event files to runs: splits, sessions, names, axes, epochs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from event_bytes import (
    BEGIN,
    Point,
    event,
    image,
    message,
    plugin,
    scalars,
    simple,
    strings,
    summary,
    version,
)

from traindiag.model.errors import UnreadableError
from traindiag.model.frame import MISSING, Series, frame_from_series
from traindiag.model.run import Run, Source
from traindiag.readers import tensorboard
from traindiag.readers.base import Fit, LogFile, LoggedRun
from traindiag.readers.discover import find_runs
from traindiag.readers.tensorboard import TensorBoardReader

NAME = "events.out.tfevents.{}.host.1.0"
reader = TensorBoardReader()


def log_file(folder: Path, relative: str, data: bytes) -> LogFile:
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return LogFile(path, relative)


def read(folder: Path, files: dict[str, bytes]) -> list[LoggedRun]:
    logs = [log_file(folder, name, data) for name, data in files.items()]
    return [run for group in reader.groups(logs) for run in reader.read(group)]


def read_one(folder: Path, files: dict[str, bytes]) -> LoggedRun:
    (run,) = read(folder, files)
    return run


def series(run: LoggedRun, name: str) -> Series:
    split, _, metric = name.partition("/")
    (found,) = [each for each in run.series if (each.split, each.metric) == (split, metric)]
    return found


def names(run: LoggedRun) -> set[str]:
    return {f"{each.split}/{each.metric}" for each in run.series}


def tens(tag: str, steps: range, offset: float = 0.0) -> list[Point]:
    return [(tag, step, step / 8 + offset) for step in steps]


def keras_train(epochs: int, batches: int = 4, extra: int = 0, tags: tuple[str, ...] = ("loss",)) -> bytes:
    """Epochs of batch_* running means and epoch_* values, then some batches of one more epoch."""
    rows: list[Point] = []
    step = 0
    for epoch in range(epochs + (extra > 0)):
        for batch in range(batches if epoch < epochs else extra):
            step += 1
            rows.append(("batch_loss", step, 10 - epoch + (batches - 1 - batch) / 8))
        if epoch < epochs:
            rows += [(f"epoch_{tag}", epoch, 10.0 - epoch) for tag in tags]
    return version() + scalars(rows, tf2=True)


# --- fit ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        (NAME, version() + scalars([("loss", 0, 1.0)]), Fit.SURE),
        ("renamed.bin", version(), Fit.SURE),
        (NAME, b"", Fit.NAME),
        (NAME, b"garbage", Fit.NAME),
        (NAME, version()[:20], Fit.NAME),
        ("metrics", scalars([("loss", 0, 1.0)]), Fit.CONTENT),
        ("data.tfrecord", event(0, 0), Fit.NO),
        ("log.csv", b"epoch,loss\n0,1\n", Fit.NO),
        ("empty", b"", Fit.NO),
    ],
)
def test_fit(name: str, data: bytes, expected: Fit, tmp_path: Path) -> None:
    assert reader.fit(log_file(tmp_path, name, data)) is expected


def test_examples_for_training_are_no_event_file(tmp_path: Path) -> None:
    from event_bytes import record

    example = record(message(1, message(1, message(1, b"x") + message(2, message(3, message(1, b"\x01"))))))
    assert reader.fit(log_file(tmp_path, "data.tfrecord", example * 5)) is Fit.NO


# --- splits and sessions ------------------------------------------------------------------------


@pytest.mark.parametrize("folder", "validation val valid eval evaluation dev Validation".split())
def test_sub_folders_are_splits_of_one_run(folder: str, tmp_path: Path) -> None:
    train = version() + scalars(tens("epoch_loss", range(5)), tf2=True)
    val = version() + scalars(tens("epoch_loss", range(5), 1.0), tf2=True)
    run = read_one(tmp_path, {f"run/train/{NAME}": train, f"run/{folder}/{NAME}": val})
    assert names(run) == {"train/loss", "val/loss"}
    assert series(run, "val/loss").value.tolist() == [1 + i / 8 for i in range(5)]
    assert series(run, "val/loss").epoch is not None
    assert series(run, "val/loss").step is None
    assert f"{folder}/ is val" in run.details["splits"]


def test_an_estimators_eval_folder_lies_below_its_training(tmp_path: Path) -> None:
    train = version() + scalars(tens("loss", range(0, 100, 10)))
    val = version() + scalars(tens("loss", range(50, 100, 50)))
    run = read_one(tmp_path, {f"model/{NAME}": train, f"model/eval/{NAME}": val})
    assert names(run) == {"train/loss", "val/loss"}


def test_folders_are_runs(tmp_path: Path) -> None:
    data = version() + scalars(tens("loss", range(5)))
    runs = read(tmp_path, {f"{run}/{NAME}": data for run in "abc"})
    assert [run.files[0].shown for run in runs] == [f"{run}/{NAME}" for run in "abc"]


def test_a_resumed_run_keeps_every_row_in_order(tmp_path: Path) -> None:
    first = version() + scalars(tens("epoch_loss", range(10)))
    second = version(BEGIN + 100) + scalars(tens("epoch_loss", range(5, 12), 50.0), begin=BEGIN + 100)
    run = read_one(tmp_path, {NAME.format(2): second, NAME.format(1): first})
    loss = series(run, "train/loss")
    assert loss.epoch is not None
    assert loss.epoch.tolist() == [*range(10), *range(5, 12)]
    assert "one run" in run.details["files"]
    assert run.details["restarts"] == "5 points logged again from an earlier step on: the later ones count"
    (curve,) = as_run(run).curves()
    assert curve.epoch.tolist() == list(range(12))
    assert curve.value.tolist() == [i / 8 for i in range(5)] + [50 + i / 8 for i in range(5, 12)]
    assert curve.restarts == 1


def as_run(run: LoggedRun) -> Run:
    source = Source(path="x", reader="tensorboard")
    return Run(name="x", source=source, frame=frame_from_series("x", run.series))


def test_a_continued_run_is_one(tmp_path: Path) -> None:
    parts = [
        version(BEGIN + at) + scalars(tens("loss", range(at, at + 10)), begin=BEGIN + at)
        for at in (0, 10, 20)
    ]
    run = read_one(tmp_path, {NAME.format(i): data for i, data in enumerate(parts)})
    assert series(run, "train/loss").step.tolist() == list(range(30))  # type: ignore[union-attr]
    assert "restarts" not in run.details


def test_keras_counts_batches_anew_after_resuming(tmp_path: Path) -> None:
    rows = [("batch_loss", 1, 5.0), ("epoch_loss", 3, 5.0), ("batch_loss", 2, 4.0), ("epoch_loss", 4, 4.0)]
    second = version(BEGIN + 100) + scalars(rows, begin=BEGIN + 100)
    run = read_one(tmp_path, {f"train/{NAME}1": keras_train(3), f"train/{NAME}2": second})
    assert series(run, "train/loss").epoch.tolist() == [0, 1, 2, 3, 4]  # type: ignore[union-attr]
    assert series(run, "train/batch_loss").epoch.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3, 4]  # type: ignore[union-attr]


def test_files_that_begin_anew_are_separate_runs(tmp_path: Path) -> None:
    files = {
        NAME.format(i): version(BEGIN + 100 * i) + scalars(tens("loss", range(10), i), begin=BEGIN + 100 * i)
        for i in range(12)
    }
    runs = read(tmp_path, files)
    assert len(runs) == 12
    assert all("12 separate runs" in run.details["files"] for run in runs)


def test_files_written_at_the_same_time_are_separate_runs(tmp_path: Path) -> None:
    files = {
        NAME.format(i): version() + scalars(tens("loss", range(i, 10), i), begin=BEGIN + i) for i in range(3)
    }
    assert len(read(tmp_path, files)) == 3


def test_runs_repeated_in_one_place_find_their_validation(tmp_path: Path) -> None:
    files = {}
    for i in range(3):
        at = BEGIN + 1000 * i
        files[f"train/{NAME}{i}"] = version(at) + scalars(tens("epoch_loss", range(8), i), begin=at)
        files[f"validation/{NAME}{i}"] = version(at) + scalars(
            tens("epoch_loss", range(8), i + 0.5), begin=at + 0.2
        )
    runs = read(tmp_path, files)
    assert [series(run, "train/loss").value[0] for run in runs] == [0.0, 1.0, 2.0]
    assert [series(run, "val/loss").value[0] for run in runs] == [0.5, 1.5, 2.5]
    assert len({run.label for run in runs}) == 3


def test_evaluating_a_step_twice_makes_no_second_run(tmp_path: Path) -> None:
    files = {f"model/{NAME}": version() + scalars(tens("loss", range(0, 300, 10)), tick=10)}
    for i, step in enumerate((100, 100, 200, 290)):
        at = BEGIN + step + i
        files[f"model/eval/{NAME}{i}"] = version(at) + scalars([("loss", step, float(i))], begin=at)
    run = read_one(tmp_path, files)
    assert series(run, "val/loss").value.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_writers_of_different_tags_are_one_run(tmp_path: Path) -> None:
    first = version() + scalars(tens("loss", range(5)))
    second = version() + scalars(tens("accuracy", range(5)))
    assert names(read_one(tmp_path, {NAME.format(1): first, NAME.format(2): second})) == {
        "train/loss",
        "train/accuracy",
    }


def test_copied_and_overlapping_files_count_once(tmp_path: Path) -> None:
    whole = version() + scalars(tens("loss", range(20)))
    part = version() + scalars(tens("loss", range(12)))
    run = read_one(tmp_path, {NAME.format(1): part, NAME.format(2): whole, NAME.format(3): whole})
    assert series(run, "train/loss").step.tolist() == list(range(20))  # type: ignore[union-attr]


def test_files_without_scalars_beside_others(tmp_path: Path) -> None:
    files = {
        f"train/{NAME}": keras_train(3),
        f"train/{NAME}.profile-empty": version(),
        f"validation/{NAME}": version(),
    }
    run = read_one(tmp_path, files)
    assert len(run.files) == 3
    assert not run.damage


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"no event file at all" * 10, "no event can be read"),
        (version(), "without scalars"),
        (version() + event(BEGIN, 1, summary(image(b"picture", 3000))), "without scalars"),
    ],
)
def test_nothing_to_read_is_one_clear_error(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=words) as caught:
        read(tmp_path, {NAME: data})
    assert caught.value.where == NAME
    assert caught.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    log = log_file(tmp_path, NAME, version())
    log.path.chmod(0)
    with pytest.raises(UnreadableError, match="no permission"):
        reader.read([log])


def test_a_file_that_vanished_beside_a_good_one(tmp_path: Path) -> None:
    good = log_file(tmp_path, NAME.format(1), keras_train(3))
    (run,) = reader.read([good, LogFile(tmp_path / "gone", "gone")])
    assert [(damage.path, damage.what) for damage in run.damage] == [("gone", "no such file or directory")]
    with pytest.raises(UnreadableError, match="no such file"):
        reader.read([LogFile(tmp_path / "gone", "gone")])


def test_bytes_in_memory() -> None:
    data = keras_train(3)
    log = LogFile(Path("stdin"), "standard input", data)
    assert reader.fit(log) is Fit.SURE
    (run,) = reader.read([log])
    assert len(series(run, "train/loss")) == 3


@pytest.mark.parametrize("batch_bytes", [1, 1500, 1 << 20])
def test_many_groups_are_read_as_each_alone(
    batch_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "_BATCH_BYTES", batch_bytes)
    files = {f"run{i}/train/{NAME}": keras_train(i % 4 + 1, extra=i % 2) for i in range(9)}
    files |= {f"run{i}/validation/{NAME}": keras_train(2) for i in range(9)}
    files |= {f"bad/{NAME}": b"", f"cut/{NAME}": keras_train(3)[:-9], f"none/{NAME}": version()}
    logs = [log_file(tmp_path, name, data) for name, data in sorted(files.items())]
    groups = [*reader.groups(logs), [LogFile(tmp_path / "gone", "gone")]]
    together = list(reader.read_many(groups))
    assert len(together) == len(groups) == 13
    for group, got in zip(groups, together, strict=True):
        if isinstance(got, UnreadableError):
            with pytest.raises(UnreadableError) as alone:
                reader.read(group)
            assert str(alone.value) == str(got)
            continue
        (one,), (other,) = got, reader.read(group)
        assert (one.digest, one.damage, one.details) == (other.digest, other.damage, other.details)
        for mine, theirs in zip(one.series, other.series, strict=True):
            assert (mine.split, mine.metric) == (theirs.split, theirs.metric)
            for part in ("value", "epoch", "step", "wall_time"):
                np.testing.assert_equal(getattr(mine, part), getattr(theirs, part))
    assert sum(isinstance(got, UnreadableError) for got in together) == 3


# --- names and axes ------------------------------------------------------------------------------


def test_keras_tags(tmp_path: Path) -> None:
    train = version() + scalars(
        [
            ("batch_loss", 1, 2.0), ("batch_accuracy", 1, 0.5), ("epoch_loss", 0, 2.0), ("epoch_accuracy", 0, 0.5),
            ("epoch_learning_rate", 0, 0.125), ("epoch_edge_out_loss", 0, 1.0),
        ]
    )  # fmt: skip
    val = version() + scalars([("epoch_loss", 0, 3.0), ("evaluation_loss_vs_iterations", 60, 3.0)])
    run = read_one(tmp_path, {f"train/{NAME}": train, f"validation/{NAME}": val})
    assert names(run) == {
        "train/batch_loss", "train/batch_accuracy", "train/loss", "train/accuracy", "train/learning_rate",
        "train/edge_out_loss", "val/loss", "val/evaluation_loss_vs_iterations",
    }  # fmt: skip
    on_iterations = series(run, "val/evaluation_loss_vs_iterations")
    assert on_iterations.step is not None
    assert on_iterations.step.tolist() == [60]
    assert on_iterations.epoch is None
    on_epochs = series(run, "train/loss")
    assert on_epochs.epoch is not None
    assert on_epochs.step is None
    wide = as_run(run).wide()
    assert {"loss", "val_loss", "accuracy", "learning_rate"} <= set(wide.columns)
    assert "val_evaluation_loss_vs_iterations" not in wide.columns


def test_other_writers_stay_on_the_step_axis(tmp_path: Path) -> None:
    tags = ["train/loss", "Loss/val", "val_acc", "lr", "test/F1"]
    run = read_one(tmp_path, {NAME: version() + scalars([(tag, i, 0.5) for i in range(3) for tag in tags])})
    assert names(run) == {"train/loss", "val/loss", "val/acc", "train/learning_rate", "test/F1"}
    assert all(each.epoch is None and each.step is not None for each in run.series)
    assert "epochs" not in run.details


def test_two_tags_of_one_name_stay_apart(tmp_path: Path) -> None:
    rows = [("loss", 10, 1.0), ("train/loss", 20, 2.0), ("epoch_loss", 0, 3.0)]
    run = read_one(tmp_path, {NAME: version() + scalars(rows)})
    assert len(run.series) == len({(each.split, each.metric) for each in run.series}) == 3
    assert series(run, "train/loss").value.tolist() == [3.0]


def test_an_epoch_scalar_maps_steps_to_epochs(tmp_path: Path) -> None:
    rows: list[Point] = []
    for step in range(9, 60, 10):
        rows += [("train_loss", step, 100.0 - step), ("epoch", step, step // 20)]
    rows += [("val_loss", step, 50.0) for step in (19, 39, 59)]
    run = read_one(tmp_path, {NAME: version() + scalars(rows)})
    assert series(run, "train/loss").epoch.tolist() == [0, 0, 1, 1, 2, 2]  # type: ignore[union-attr]
    assert series(run, "val/loss").epoch.tolist() == [0, 1, 2]  # type: ignore[union-attr]
    assert "'epoch'" in run.details["epochs"]
    assert "train/epoch" not in names(run)


def test_lightnings_epoch_values_and_single_values(tmp_path: Path) -> None:
    rows: list[Point] = []
    for epoch in range(3):
        steps = [20 * epoch + 9, 20 * epoch + 19]
        rows += [("train_loss_step", step, 1.0 / step) for step in steps]
        rows += [("grad_step", step, float(step)) for step in steps]
        rows += [("epoch", step, epoch) for step in steps]
        rows += [("train_loss_epoch", steps[1], 5.0 - epoch), ("val_loss", steps[1], 6.0 - epoch)]
    run = read_one(tmp_path, {NAME: version() + scalars(rows)})
    assert names(run) == {"train/loss", "train/loss_step", "train/grad", "val/loss"}
    wide = as_run(run).wide()
    assert wide["loss"].tolist() == [5.0, 4.0, 3.0]
    assert wide["val_loss"].tolist() == [6.0, 5.0, 4.0]
    assert wide["grad"].tolist() == [14.0, 34.0, 54.0]


def test_suffixes_mean_nothing_without_lightnings_epochs(tmp_path: Path) -> None:
    run = read_one(tmp_path, {NAME: version() + scalars(tens("loss_epoch", range(3)))})
    assert names(run) == {"train/loss_epoch"}


def test_a_tag_named_epoch_beside_keras_tags_is_a_metric(tmp_path: Path) -> None:
    rows = [("epoch_loss", i, 1.0) for i in range(3)] + [("epoch", i, float(i)) for i in range(3)]
    assert names(read_one(tmp_path, {NAME: version() + scalars(rows)})) == {"train/loss", "train/epoch"}


def test_an_epoch_scalar_that_is_no_index_is_a_metric(tmp_path: Path) -> None:
    rows = [("epoch", step, 0.5 * step) for step in range(4)] + [("loss", 1, 1.0)]
    run = read_one(tmp_path, {NAME: version() + scalars(rows)})
    assert "train/epoch" in names(run)
    assert series(run, "train/loss").epoch is None


# --- batches and epochs ----------------------------------------------------------------------------


def test_batches_learn_their_epoch_from_the_order_of_records(tmp_path: Path) -> None:
    run = read_one(tmp_path, {f"train/{NAME}": keras_train(3, extra=2)})
    batch = series(run, "train/batch_loss")
    assert batch.epoch is not None
    assert batch.epoch.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2
    assert batch.step is not None
    assert batch.step.tolist() == list(range(1, 15))
    assert run.details["batch values"] == "running means (Keras)"


def test_epoch_values_are_the_last_running_means_where_only_batches_were_logged(tmp_path: Path) -> None:
    run = read_one(tmp_path, {f"train/{NAME}": keras_train(3, extra=2, tags=("accuracy",))})
    loss = series(run, "train/loss")
    assert loss.epoch is not None
    assert loss.epoch.tolist() == [0, 1, 2]
    assert loss.value.tolist() == [10.0, 9.0, 8.0]
    assert run.details["train/loss"] == "last running mean of each epoch of batch_loss"


def test_epochs_from_the_iterations_of_validation(tmp_path: Path) -> None:
    batches = [("batch_loss", step, float(step)) for step in range(1, 15)]
    val = [(f"{tag}", at, 0.5) for k in range(3) for tag, at in (
        ("evaluation_loss_vs_iterations", 4 * (k + 1)), ("epoch_loss", k))]  # fmt: skip
    files = {f"train/{NAME}": version() + scalars(batches), f"validation/{NAME}": version() + scalars(val)}
    run = read_one(tmp_path, files)
    assert series(run, "train/batch_loss").epoch.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2  # type: ignore[union-attr]
    assert series(run, "train/loss").value.tolist() == [4.0, 8.0, 12.0]
    assert "iterations" in run.details["batch epochs"]


def test_single_batch_values_are_averaged(tmp_path: Path) -> None:
    rows: list[Point] = []
    for epoch in range(3):
        losses = [4.0 - epoch, 2.0 - epoch]
        rows += [("batch_loss", 2 * epoch + i, loss) for i, loss in enumerate(losses)]
        rows += [("batch_mae", 2 * epoch + i, 10 * loss) for i, loss in enumerate(losses)]
        rows += [("epoch_loss", epoch, float(np.mean(losses)))]
    run = read_one(tmp_path, {NAME: version() + scalars(rows)})
    assert run.details["batch values"] == "single batches"
    assert series(run, "train/mae").value.tolist() == [30.0, 20.0, 10.0]


def test_batches_among_epochs_of_which_only_some_were_logged_have_no_epoch(tmp_path: Path) -> None:
    """As Keras writes them with ``update_freq=2``: the batches of epoch 0 are not those of epoch 1."""
    rows: list[Point] = []
    for epoch in range(8):
        rows += [("batch_loss", 4 * epoch + batch, 1.0) for batch in (1, 3)]
        rows += [("epoch_loss", epoch, 1.0)] if epoch % 2 else []
    run = as_run(read_one(tmp_path, {NAME: version() + scalars(rows)}))
    batches = run.frame[run.frame["metric"] == "batch_loss"]
    assert batches["epoch"].isna().all()
    assert batches["step"].nunique() == 16


def test_batches_without_boundaries_have_no_epoch(tmp_path: Path) -> None:
    run = read_one(tmp_path, {NAME: version() + scalars(tens("batch_loss", range(9)))})
    assert series(run, "train/batch_loss").epoch is None
    assert names(run) == {"train/batch_loss"}


def test_batches_of_a_file_that_knows_no_epochs_beside_one_that_does(tmp_path: Path) -> None:
    second = version(BEGIN + 100) + scalars(tens("batch_loss", range(20, 24)), begin=BEGIN + 100)
    run = read_one(tmp_path, {NAME.format(1): keras_train(2), NAME.format(2): second})
    epoch = series(run, "train/batch_loss").epoch
    assert epoch is not None
    assert epoch.tolist() == [0] * 4 + [1] * 4 + [MISSING] * 4


# --- damage, parameters, hostile content -------------------------------------------------------------


def test_damage_is_counted_with_its_place(tmp_path: Path) -> None:
    data = bytearray(keras_train(5))
    data[len(version()) + 20] ^= 1
    run = read_one(tmp_path, {f"train/{NAME}": bytes(data)})
    (damage,) = run.damage
    assert (damage.path, damage.place) == (f"train/{NAME}", f"byte {len(version())}")
    assert damage.records == 1
    assert damage.size > 40


def test_much_damage_is_summed_up(tmp_path: Path) -> None:
    data = bytearray(version() + scalars(tens("loss", range(200, 600))))
    one = len(scalars(tens("loss", range(200, 201))))
    for i in range(150):
        data[len(version()) + 2 * i * one + 20] ^= 1
    run = read_one(tmp_path, {NAME: bytes(data)})
    assert len(run.damage) == 101
    assert sum(damage.records for damage in run.damage) == 150


def test_the_model_and_hyper_parameters(tmp_path: Path) -> None:
    model = event(BEGIN, 0, summary(strings(b"keras", b'{"class_name": "Functional"}', b"graph_keras_model")))
    entry = message(1, message(1, b"units") + message(2, b"\x11" + np.float64(64).tobytes()))
    info = message(1, b"_hparams_/session_start_info") + plugin(b"hparams", message(3, entry))
    run = read_one(
        tmp_path,
        {f"train/{NAME}": keras_train(2) + model, NAME: version() + event(BEGIN, 0, summary(info))},
    )
    assert run.params == {"keras": {"class_name": "Functional"}, "units": 64.0}


@pytest.mark.parametrize("text", [b"not json", b"[" * 100_000, b"[1, 2]", b"\xff"])
def test_a_model_that_is_no_json_object_is_no_error(text: bytes, tmp_path: Path) -> None:
    model = event(BEGIN, 0, summary(strings(b"keras", text, b"graph_keras_model")))
    assert read_one(tmp_path, {NAME: keras_train(2) + model}).params == {}


def test_hostile_tags_are_only_names(tmp_path: Path) -> None:
    tags = [b"../../etc/passwd", b"\x1b]52;c;AAAA\x07", b"<script>", b"", b"\xff\xfe", b"a" * 5000]
    rows = b"".join(event(BEGIN, i, summary(simple(tag, 1.0))) for i, tag in enumerate(tags))
    run = read_one(tmp_path, {NAME: version() + rows})
    assert len(run.series) == len(tags)
    assert "not UTF-8" in run.details["tags"]


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    data = keras_train(3)
    first = read_one(tmp_path / "a", {NAME: data})
    assert first.digest == read_one(tmp_path / "b", {NAME: data}).digest
    assert first.digest != read_one(tmp_path / "c", {NAME: keras_train(4)}).digest


def add_scalars(folder: Path, name: str, tag: str, values: list[float]) -> None:
    """One folder as PyTorch's ``add_scalars`` writes it."""
    path = folder / name / "events.out.tfevents.1700000000.host.7.1"
    path.parent.mkdir(parents=True)
    path.write_bytes(version() + scalars([(tag, step, value) for step, value in enumerate(values)]))


def test_folders_of_add_scalars_are_splits_of_one_run(tmp_path):
    run = tmp_path / "exp"
    add_scalars(run, "Loss_train", "Loss", [3.0, 2.0, 1.0])
    add_scalars(run, "Loss_val", "Loss", [3.5, 2.5, 2.0])
    add_scalars(run, "metrics_acc_train", "metrics/acc", [0.1, 0.2, 0.3])
    add_scalars(run, "metrics_acc_Validation", "metrics/acc", [0.1, 0.1, 0.2])
    own = run / "events.out.tfevents.1700000000.host.7.0"
    own.write_bytes(version() + scalars([("lr", step, 0.1) for step in range(3)]))
    [found] = find_runs([tmp_path]).runs
    assert found.name == "exp"
    values = {(each.split, each.metric): each.value.tolist() for each in found.series}
    assert values["train", "loss"] == [3.0, 2.0, 1.0]
    assert values["val", "loss"] == [3.5, 2.5, 2.0]
    assert {split for split, metric in values if metric.endswith("acc")} == {"train", "val"}
    assert ("train", "learning_rate") in values
    assert "Loss_val/ is val" in found.source.details["splits"]


@pytest.mark.parametrize(
    "folders",
    [
        [("Loss_train", "Loss"), ("Loss_generator", "Loss")],
        [("Loss_train", "Loss"), ("Accuracy_val", "Accuracy")],
        [("model_train", "Loss"), ("model_val", "Loss")],
        [("Loss_train", "Loss"), ("Loss_val", "Other")],
    ],
    ids=["no split", "other tags", "not the tag", "another tag"],
)
def test_folders_that_only_look_like_those_of_add_scalars_stay_runs(tmp_path, folders):
    for number, (name, tag) in enumerate(folders):
        add_scalars(tmp_path, name, tag, [3.0 - number, 2.0 - number / 2, 1.0])
    assert sorted(run.name for run in find_runs([tmp_path]).runs) == sorted(name for name, _ in folders)
