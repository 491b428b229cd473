from __future__ import annotations

import json
import pickle
import time
from pathlib import Path

import event_bytes
import numpy as np
import pytest

from traindiag.readers.discover import find_runs

EPOCHS = 8


def history(seed=0, epochs=EPOCHS):
    """A run as Keras keeps it: float32 means turned into Python floats."""
    rng = np.random.default_rng(seed)
    falling = np.exp(-np.arange(epochs) / 5)
    noise = rng.normal(0, 0.02, (2, epochs))
    return {
        "accuracy": [float(np.float32(value)) for value in 1 - 0.6 * falling],
        "loss": [float(np.float32(value)) for value in falling + noise[0]],
        "val_loss": [float(np.float32(value)) for value in falling + 0.1 + noise[1]],
    }


def as_csv(run, first=0):
    rows = [
        f"{first + i},{','.join(map(repr, row))}" for i, row in enumerate(zip(*run.values(), strict=True))
    ]
    return "\n".join([f"epoch,{','.join(run)}", *rows]) + "\n"


def keras_number(value):
    """As Keras' Progbar prints it."""
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def as_console(run):
    epochs = len(run["loss"])
    return "".join(
        f"Epoch {i + 1}/{epochs}\n10/10 - 1s - 100ms/step - "
        + " - ".join(f"{name}: {keras_number(column[i])}" for name, column in run.items())
        + "\n"
        for i in range(epochs)
    )


FORMS = {
    "log.csv": as_csv,
    "history.json": json.dumps,
    "history.txt": str,
    "history.pkl": pickle.dumps,
    "console.txt": as_console,
}


def write_forms(write, folder, run, forms=FORMS):
    for name in forms:
        write(f"{folder}/{name}", FORMS[name](run))


def one(path):
    found = find_runs([path])
    assert found.unreadable == ()
    [run] = found.runs
    return run


def test_five_forms_of_one_run_are_one_run(write, tmp_path):
    write_forms(write, "exp", history())
    run = one(tmp_path)
    assert run.name == "exp"
    assert run.source.reader == "keras-csv"
    assert [path.rsplit("/", 1)[1] for path in run.source.also] == [
        "history.json", "history.pkl", "history.txt", "console.txt",
    ]  # fmt: skip
    assert len(run.frame) == 3 * EPOCHS


@pytest.mark.parametrize("form", ["history.json", "history.txt", "history.pkl", "console.txt"])
@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e4, 1e9])
def test_each_form_is_known_at_any_scale(write, tmp_path, form, scale):
    run = {
        name: [value * (scale if "loss" in name else 1) for value in column]
        for name, column in history().items()
    }
    write_forms(write, "exp", run, ("log.csv", form))
    assert len(one(tmp_path).source.also) == 1


def test_event_float32_against_float64(write, tmp_path):
    run = {name: [value / 3 for value in column] for name, column in history().items()}
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps({k: [float(np.float32(v)) for v in c] for k, c in run.items()}))
    assert len(one(tmp_path).source.also) == 1


def test_two_different_runs_in_one_folder_are_two(write, tmp_path):
    write("exp/a.csv", as_csv(history(1)))
    write("exp/b.csv", as_csv(history(2)))
    write("exp/b.txt", as_console(history(2)))
    found = find_runs([tmp_path])
    assert [(run.name, len(run.source.also)) for run in found.runs] == [("exp/a", 0), ("exp/b", 1)]


def test_a_copy_is_not_counted_twice(write, tmp_path):
    write("exp/a.csv", as_csv(history()))
    write("exp/copy of a.csv", as_csv(history()))
    run = one(tmp_path)
    assert run.source.path.endswith("a.csv")
    assert len(run.source.also) == 1


def test_the_same_values_in_other_folders_are_other_runs(write, tmp_path):
    write("seed1/log.csv", as_csv(history()))
    write("seed2/log.csv", as_csv(history()))
    assert [run.name for run in find_runs([tmp_path]).runs] == ["seed1", "seed2"]


def test_a_series_only_another_form_has_is_added_and_said(write, tmp_path):
    run = history()
    write("exp/log.csv", as_csv(run))
    write("exp/history.json", json.dumps({**run, "learning_rate": [0.1] * EPOCHS}))
    merged = one(tmp_path)
    assert merged.wide()["learning_rate"].tolist() == [0.1] * EPOCHS
    assert merged.source.details["learning_rate"] == "from history.json"


def test_epochs_only_another_form_has_are_added_and_said(write, tmp_path):
    run = history()
    short = {name: column[:5] for name, column in run.items()}
    write("exp/log.csv", as_csv(short))
    write("exp/history.json", json.dumps(run))
    merged = one(tmp_path)
    assert merged.wide()["loss"].tolist() == run["loss"]
    assert merged.source.details["loss"] == "3 more epochs from history.json"


def test_a_late_start_is_filled_up_from_the_front(write, tmp_path):
    run = history()
    late = {name: column[3:] for name, column in run.items()}
    write("exp/log.csv", as_csv(late, first=3))
    write("exp/history.json", json.dumps(run))
    merged = one(tmp_path)
    assert merged.wide()["loss"].tolist() == run["loss"]


def test_one_shared_epoch_is_no_proof(write, tmp_path):
    run = history()
    write("exp/a.csv", as_csv({name: column[:4] for name, column in run.items()}))
    write("exp/b.csv", as_csv({name: column[3:] for name, column in run.items()}, first=3))
    assert len(find_runs([tmp_path]).runs) == 2


def test_a_shared_accuracy_is_no_proof(write, tmp_path):
    run = history()
    write("exp/a.csv", as_csv(run))
    write("exp/b.json", json.dumps({"accuracy": run["accuracy"]}))
    assert len(find_runs([tmp_path]).runs) == 2


def test_one_differing_value_is_enough_to_part(write, tmp_path):
    run = history()
    other = {**run, "val_loss": [*run["val_loss"][:-1], run["val_loss"][-1] + 0.01]}
    write("exp/log.csv", as_csv(run))
    write("exp/console.txt", as_console(other))
    assert len(find_runs([tmp_path]).runs) == 2


def test_a_nan_run_is_one_run_in_all_forms(write, tmp_path):
    run = history()
    run["loss"][2:] = [float("nan")] * (EPOCHS - 2)
    run["val_loss"][2:] = [float("inf")] * (EPOCHS - 2)
    write_forms(write, "exp", run)
    assert len(one(tmp_path).source.also) == 4


def test_a_single_epoch_in_all_forms(write, tmp_path):
    write_forms(write, "exp", history(epochs=1))
    assert len(one(tmp_path).source.also) == 4


def test_two_runs_of_one_console_find_their_own_tables(write, tmp_path):
    first, second = history(1), history(2)
    write("exp/console.txt", as_console(first) + as_console(second))
    write("exp/first.csv", as_csv(first))
    write("exp/second.csv", as_csv(second))
    found = find_runs([tmp_path])
    assert [(run.name, [p.rsplit("/", 1)[1] for p in run.source.also]) for run in found.runs] == [
        ("exp/first", ["console.txt"]),
        ("exp/second", ["console.txt"]),
    ]


def test_a_sub_folder_of_another_run_stays_apart(write, tmp_path):
    write("exp/log.csv", as_csv(history(1)))
    write("exp/logs/log.csv", as_csv(history(2)))
    assert [run.name for run in find_runs([tmp_path]).runs] == ["exp/log", "exp/logs/log"]


def write_events(write, folder, run):
    """The train and validation event files of Keras' TensorBoard callback."""
    for split, prefix in (("train", ""), ("validation", "val_")):
        points = [
            (f"epoch_{name.removeprefix('val_')}", epoch, value)
            for name, column in run.items()
            if name.startswith("val_") == bool(prefix)
            for epoch, value in enumerate(column)
        ]
        write(
            f"{folder}/{split}/events.out.tfevents.1700000000.host.1.0.v2",
            event_bytes.scalars(points, tf2=True),
        )


def test_event_files_in_a_sub_folder_belong_to_the_run_above(write, tmp_path):
    write_forms(write, "exp", history())
    write_events(write, "exp/tb", history())
    run = one(tmp_path)
    assert (run.name, run.source.reader, len(run.source.also)) == ("exp", "tensorboard", 5)
    assert run.wide()["val_loss"].tolist() == history()["val_loss"]


def test_event_files_beside_a_foreign_table_are_two_runs(write, tmp_path):
    write("exp/log.csv", as_csv(history(1)))
    write_events(write, "exp", history(2))
    found = find_runs([tmp_path])
    assert sorted((run.name, run.source.reader) for run in found.runs) == [
        ("exp", "tensorboard"),
        ("exp/log", "keras-csv"),
    ]


def test_cut_event_files_are_filled_up_from_the_table(write, tmp_path):
    run = history()
    write("exp/log.csv", as_csv(run))
    write_events(write, "exp/tb", {name: column[:5] for name, column in run.items()})
    merged = one(tmp_path)
    assert merged.source.reader == "tensorboard"
    assert merged.wide()["val_loss"].tolist() == run["val_loss"]
    assert merged.source.details["val_loss"] == "3 more epochs from log.csv"


def test_damage_of_the_kept_form_stays_known(write, tmp_path):
    run = history()
    write("exp/log.csv", as_csv(run).rstrip()[:-12])
    write("exp/history.json", json.dumps(run))
    merged = one(tmp_path)
    assert merged.source.damage[0].what == "the last line is cut off"
    assert merged.wide()["val_loss"].tolist() == run["val_loss"]


def test_checkpoints_that_are_beginnings_of_one_run_are_one(write, tmp_path):
    log = [
        {"epoch": (i + 1) / 4, "step": 10 * (i + 1), "loss": 2 / (i + 1), "learning_rate": 0.1}
        for i in range(40)
    ]
    for steps in (10, 20, 40):
        write(f"out/checkpoint-{steps * 10}/trainer_state.json", json.dumps({"log_history": log[:steps]}))
    run = one(tmp_path)
    assert run.name == "out"
    assert len(run.source.also) == 2
    assert (run.frame["metric"] == "loss").sum() == 40


SAMPLES = Path(__file__).parents[2] / "sample_logs"
FOLDERS = sorted(path.parent for path in SAMPLES.rglob("expected.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_sample_is_one_run_in_all_its_forms(folder):
    run = one(folder)
    assert run.name == folder.name
    forms = [file.name for file in folder.iterdir() if file.name in FORMS]
    others = [Path(path).name for path in run.source.also]
    assert sorted(others) == sorted(set(forms) - {Path(run.source.path).name})


def test_all_samples_at_once():
    found = find_runs([SAMPLES])
    assert found.unreadable == ()
    names = {folder.relative_to(SAMPLES).as_posix() for folder in FOLDERS}
    assert {run.name for run in found.runs} == names


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_form_of_a_sample_holds_the_same_values(folder):
    whole = one(folder).wide()
    for file in sorted(folder.iterdir()):
        if file.name not in FORMS:
            continue
        alone = one(file).wide()
        for name in ("loss", "val_loss"):
            if name in alone:
                absolute = 5.1e-5 if file.name == "console.txt" else 0
                np.testing.assert_allclose(alone[name], whole[name], rtol=3e-7, atol=absolute)


def test_hundreds_of_runs_in_one_folder_take_no_time(write, tmp_path):
    for seed in range(300):
        write(f"{seed:03d}.csv", as_csv(history(seed)))
        if seed % 3 == 0:
            write(f"{seed:03d}.txt", as_console(history(seed)))
    begin = time.process_time()
    found = find_runs([tmp_path])
    assert time.process_time() - begin < 5
    assert [len(run.source.also) for run in found.runs] == [1, 0, 0] * 100
