"""What is caught of somebody's training, in this process: which fits are one run, and that nothing is held on to."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import traindiag
from traindiag.capture.console import Transcript
from traindiag.capture.hooks import AfterImport, Capture, returns_running_means

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = X[:, :1]


@pytest.fixture
def keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Keras as a script sees it under ``traindiag run``, with `tmp_path` for its runs."""
    keras = pytest.importorskip("keras")
    for kind, name in (
        (keras.callbacks.CallbackList, "__init__"),
        (keras.Model, "train_on_batch"),
        (keras.Model, "test_on_batch"),
    ):
        monkeypatch.setattr(kind, name, getattr(kind, name))
    capture = Capture(tmp_path, None, (), Transcript(tmp_path / "output.console"))
    capture.patch(keras)
    keras.finish = capture.finish
    yield keras
    del keras.finish


def small(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def epochs_below(folder: Path) -> dict[str, int]:
    return {run.name: len(run.wide()) for run in traindiag.read_all(folder).runs}


@pytest.mark.keras
def test_a_loop_over_fits_of_one_epoch_is_one_run(keras: Any, tmp_path: Path) -> None:
    model, other = small(keras), small(keras)
    losses = []
    for _ in range(4):
        losses += model.fit(X, Y, epochs=1, verbose=0).history["loss"]
        other.fit(X, Y, epochs=1, verbose=0)
        model.evaluate(X, Y, verbose=0)
    for epoch in (4, 5):
        losses += model.fit(X, Y, initial_epoch=epoch, epochs=epoch + 1, verbose=0).history["loss"]
    model.compile("sgd", "mae")
    model.fit(X, Y, epochs=1, verbose=0)
    model.fit(X, Y, epochs=3, verbose=0)
    keras.finish()
    assert epochs_below(tmp_path) == {"fit": 6, "fit-2": 4, "fit-3": 1, "fit-4": 3}
    wide = traindiag.read(tmp_path / "fit").wide()
    assert wide["loss"].tolist() == pytest.approx(losses, rel=1e-6)
    assert wide.index.tolist() == list(range(6))


@pytest.mark.keras
def test_a_model_fitted_over_and_over_makes_no_more_runs(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traindiag.capture.repeats.MANY", 2)
    model = small(keras)
    for _ in range(5):
        model.fit(X, Y, epochs=3, verbose=0)
    del model
    gc.collect()
    assert epochs_below(tmp_path) == {"fit": 3, "fit-2": 12}
    facts = json.loads((tmp_path / "fit-2" / "run.json").read_text())
    assert (facts["complete"], facts["epochs"]) == (True, 12)


@pytest.mark.keras
def test_models_are_free_to_go(keras: Any, tmp_path: Path) -> None:
    def train() -> list[Any]:
        models = [small(keras) for _ in range(3)]
        for model in models[:2]:
            model.fit(X, Y, epochs=int(model is models[0]) + 1, verbose=0)
        for _ in range(2):
            models[2].train_on_batch(X, Y)
        return [weakref.ref(model) for model in models]

    gone = train()
    gc.collect()
    assert [each() for each in gone] == [None] * 3
    # What waited to be written was written when the model went.
    assert len((tmp_path / "loop" / "steps.csv").read_text().splitlines()) == 3


@pytest.mark.keras
def test_a_list_of_callbacks_that_the_script_made(keras: Any, tmp_path: Path) -> None:
    model = small(keras)
    own = keras.callbacks.CallbackList([keras.callbacks.TerminateOnNaN()], add_history=True, model=model)
    for _ in range(2):
        model.fit(X, Y, epochs=2, verbose=0, callbacks=own)
    assert epochs_below(tmp_path) == {"fit": 2, "fit-2": 2}


@pytest.mark.keras
def test_a_fit_that_broke_off_is_let_go_of(keras: Any, tmp_path: Path) -> None:
    def breaks(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise MemoryError

    def train() -> Any:
        model = small(keras)
        fail = keras.callbacks.LambdaCallback(on_epoch_begin=breaks)
        with pytest.raises(MemoryError):
            model.fit(X, Y, epochs=4, verbose=0, callbacks=[fail])
        return weakref.ref(model)

    gone = train()
    gc.collect()
    small(keras).fit(X, Y, epochs=2, verbose=0)
    gc.collect()
    assert gone() is None
    assert epochs_below(tmp_path) == {"fit": 2, "fit-2": 2}
    complete = [
        json.loads((tmp_path / name / "run.json").read_text())["complete"] for name in ("fit", "fit-2")
    ]
    assert complete == [False, True]


@pytest.mark.keras
def test_evaluations_end_the_epochs_of_a_loop(keras: Any, tmp_path: Path) -> None:
    model, other = small(keras), small(keras)
    for _ in range(3):
        model.train_on_batch(X, Y)
        model.predict(X, verbose=0)
        other.evaluate(X, Y, verbose=0)
        loss = model.evaluate(X, Y, verbose=0)
    keras.finish()
    assert epochs_below(tmp_path) == {"loop": 3}
    assert traindiag.read(tmp_path / "loop").wide()["val_loss"].iloc[-1] == pytest.approx(loss)


@pytest.mark.keras
def test_a_loop_in_a_forked_process_is_finished_there(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`multiprocessing` ends the processes that it forks without Python's own handlers at exit."""
    at_its_end: list[Any] = []
    monkeypatch.setattr("multiprocessing.util.Finalize", lambda *words, **_: at_its_end.append(words))
    model = small(keras)
    model.train_on_batch(X, Y)
    assert not (tmp_path / "loop" / "steps.csv").exists()
    [(_, finish, arguments)] = at_its_end
    finish(*arguments)
    assert len((tmp_path / "loop" / "steps.csv").read_text().splitlines()) == 2


class TestAfterImport:
    """With a module of the name, whatever it is."""

    @pytest.fixture
    def patched(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        patched: list[Any] = []
        monkeypatch.syspath_prepend(str(tmp_path))
        finder = AfterImport("a_module_of_the_test", patched.append)
        monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
        monkeypatch.delitem(sys.modules, finder.name, raising=False)
        return patched

    def test_to_look_for_it_is_not_to_import_it(self, patched: list[Any], tmp_path: Path) -> None:
        (tmp_path / "a_module_of_the_test.py").write_text("value = 1\n")
        for _ in range(2):
            assert importlib.util.find_spec("a_module_of_the_test") is not None
        assert not patched
        assert importlib.import_module("a_module_of_the_test").value == 1
        assert patched == [sys.modules.pop("a_module_of_the_test")]

    def test_an_import_that_fails_may_be_tried_again(self, patched: list[Any], tmp_path: Path) -> None:
        (tmp_path / "a_module_of_the_test.py").write_text("import no_such_backend\n")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("a_module_of_the_test")
        (tmp_path / "a_module_of_the_test.py").write_text("value = 'another'\n")
        importlib.invalidate_caches()
        importlib.import_module("a_module_of_the_test")
        assert [each.value for each in patched] == ["another"]
        del sys.modules["a_module_of_the_test"]

    def test_what_is_not_there_stays_away(self, patched: list[Any]) -> None:
        assert importlib.util.find_spec("a_module_of_the_test") is None


def test_a_module_that_is_only_called_keras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Capture(tmp_path, None, (), Transcript(tmp_path / "output.console")).patch(Capture)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("version", "running"), [("2.15.0", False), ("3.0.5", True), ("3.14.1", True), ("3.15.0", False)]
)
def test_what_train_on_batch_returns(version: str, running: bool) -> None:
    assert returns_running_means(version) is running
