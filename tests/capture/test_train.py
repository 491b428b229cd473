from __future__ import annotations

import csv
import getpass
import json
import math
import pickle
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from traindiag.capture.train import TrainResult, train_scenario
from traindiag.model.errors import UsageError

pytestmark = pytest.mark.keras
Trained = Callable[[str], TrainResult]
FORMS = {"history.json", "history.txt", "history.pkl", "log.csv", "console.txt", "run.json"}
EVENT_NAME = re.compile(r"events\.out\.tfevents\.\d+\.host\.\d+\.v2")


def test_every_form_is_written(trained: Trained) -> None:
    result = trained("overfitting")
    names = {path.relative_to(result.folder).as_posix() for path in result.files}
    assert names >= FORMS
    assert {name.rpartition("/")[0] for name in names - FORMS} == {"tb/train", "tb/validation"}
    assert all(path.stat().st_size > 0 for path in result.files)
    assert sorted(path for path in result.folder.rglob("*") if path.is_file()) == list(result.files)


@pytest.mark.parametrize("name", ["overfitting", "resumed", "no-validation"])
def test_all_forms_agree(trained: Trained, name: str) -> None:
    result = trained(name)
    history = json.loads((result.folder / "history.json").read_text())
    assert history == result.history
    assert ("val_loss" in history) == (name != "no-validation")
    assert {len(values) for values in history.values()} == {3}
    with (result.folder / "history.pkl").open("rb") as file:
        assert pickle.load(file) == history
    assert str(history) == (result.folder / "history.txt").read_text().strip()
    with (result.folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    for metric, values in history.items():
        assert [float(row[metric]) for row in rows] == pytest.approx(values)
    console = (result.folder / "console.txt").read_text()
    printed = [float(value) for value in re.findall(r"- loss: ([\d.]+)(?: - \w+: [\d.e-]+)*\n", console)]
    assert printed == pytest.approx(history["loss"], abs=1e-4)


@pytest.mark.parametrize("name", ["overfitting", "resumed"])
def test_event_files_hold_the_history(trained: Trained, name: str) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    result = trained(name)
    for folder, key in (("train", "loss"), ("validation", "val_loss")):
        found: dict[int, float] = {}
        for path in sorted((result.folder / "tb" / folder).iterdir()):
            accumulator = EventAccumulator(str(path), size_guidance={"tensors": 0})
            accumulator.Reload()
            for event in accumulator.Tensors("epoch_loss"):
                found[event.step] = float(tensor_util.make_ndarray(event.tensor_proto))
        assert [found[epoch] for epoch in sorted(found)] == pytest.approx(result.history[key], rel=1e-6)


def test_train_events_hold_the_model(trained: Trained) -> None:
    files = list((trained("overfitting").folder / "tb" / "train").iterdir())
    content = b"".join(path.read_bytes() for path in files)
    assert b'"class_name": "Dense"' in content
    assert b"sparse_categorical_crossentropy" in content


def test_a_resumed_run_has_two_event_files(trained: Trained) -> None:
    assert len(list((trained("resumed").folder / "tb" / "train").iterdir())) == 2


def test_nothing_tells_user_host_or_place(trained: Trained) -> None:
    result = trained("overfitting")
    secrets = {str(result.folder), str(Path.home()), str(Path(__file__).parents[2])}
    secrets |= {name for name in (socket.gethostname(), getpass.getuser()) if len(name) > 4}
    for path in result.files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path.name
        if path.parent.name in ("train", "validation"):
            assert EVENT_NAME.fullmatch(path.name)


def test_facts_of_the_run(trained: Trained) -> None:
    result = trained("overfitting")
    facts = json.loads((result.folder / "run.json").read_text())
    assert facts == result.facts
    assert facts["scenario"] == "overfitting"
    assert (facts["seed"], facts["epochs"], facts["batch_size"]) == (1, 3, 32)
    assert facts["steps_per_epoch"] == math.ceil(facts["train_samples"] / facts["batch_size"]) == 9
    assert facts["optimizer"]["name"] == "adam"
    assert facts["learning_rate"] == pytest.approx(result.history["learning_rate"][0])
    assert facts["device"]["kind"] == "cpu"
    assert facts["backend"] in ("tensorflow", "jax", "torch")
    assert {"python", "keras", "numpy"} <= set(facts["versions"])
    assert facts["seconds"] > 0


def test_same_seed_same_history(trained: Trained, tmp_path: Path) -> None:
    for name in ("overfitting", "data-problem"):
        first = trained(name).history
        again = train_scenario(name, tmp_path / name, seed=1, epochs=3, device="cpu")
        assert again.history == first
    other = train_scenario("overfitting", tmp_path / "other", seed=2, epochs=3, device="cpu")
    assert other.history["loss"] != trained("overfitting").history["loss"]


def test_labels_of_the_data_problem_are_drawn_anew_each_epoch() -> None:
    import numpy as np

    from traindiag.capture.scenarios.base import scenario_named

    scenario = scenario_named("data-problem")()
    data = scenario.data(0)
    batches = scenario.training_input(data, 0)["x"]

    def pairs() -> set[tuple[bytes, int]]:
        drawn = [batches[index] for index in range(len(batches))]
        x, y = np.concatenate([a for a, _ in drawn]), np.concatenate([b for _, b in drawn])
        return {(row.tobytes(), int(label)) for row, label in zip(x, y, strict=True)}

    first = pairs()
    batches.on_epoch_end()
    second = pairs()
    assert len(first) == len(second) == len(data.train[0])
    true = {(row.tobytes(), int(label)) for row, label in zip(*data.train, strict=True)}
    # A tenth of the labels is never redrawn, and a tenth of the redrawn ones is right by chance.
    for drawn in (first, second):
        assert len(drawn & true) / len(true) == pytest.approx(0.19, abs=0.05)
    assert len(first & second) / len(true) < 0.2


def test_each_epoch_is_reported(tmp_path: Path) -> None:
    seen: list[int] = []
    train_scenario("too-short", tmp_path / "logs", device="cpu", on_epoch=seen.append)
    assert seen == [1, 2]


def test_a_full_folder_is_refused_and_overwritten_on_request(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not empty.*--overwrite"):
        train_scenario("too-short", tmp_path, device="cpu")
    train_scenario("too-short", tmp_path, epochs=1, device="cpu", overwrite=True)
    result = train_scenario("too-short", tmp_path, epochs=2, device="cpu", overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert {len(values) for values in result.history.values()} == {2}
    assert len(list((tmp_path / "tb" / "train").iterdir())) == 1
    assert (tmp_path / "console.txt").read_text().count("Epoch 1/") == 1


def test_an_interrupted_training_keeps_its_epochs(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_scenario("learning", tmp_path / "logs", epochs=5, device="cpu", on_epoch=interrupt)
    history = json.loads((tmp_path / "logs" / "history.json").read_text())
    assert len(history["loss"]) == len(history["val_loss"]) == 2
    assert json.loads((tmp_path / "logs" / "run.json").read_text())["epochs"] == 2
