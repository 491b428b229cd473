"""Seconds waited for data, in real trainings, and what the rules make of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import traindiag

pytestmark = pytest.mark.keras
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
STEPS, PAUSE = 5, 0.02


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def model_of(keras: Any, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", **compiled)
    return model


def recorded(model: Any, folder: Path, **data: Any) -> Any:
    from traindiag.capture.recorder import Recorder

    model.fit(**data, epochs=4, verbose=0, callbacks=[Recorder(folder)])
    return traindiag.read(folder)


def slow_batches(keras: Any, pause: float = PAUSE) -> Any:
    class Slow(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return STEPS

        def __getitem__(self, index: int) -> Any:
            time.sleep(pause)
            return X[:8], X[:8, :1]

    return Slow()


def slow_generator() -> Iterator[Any]:
    while True:
        time.sleep(PAUSE)
        yield X[:8], X[:8, :1]


@pytest.mark.parametrize("kind", ["PyDataset", "generator", "steps_per_execution", "eager"])
def test_slow_data_is_waited_for(keras: Any, tmp_path: Path, kind: str) -> None:
    if keras.backend.backend() == "torch" and kind == "steps_per_execution":
        pytest.skip("PyTorch takes one step at a time")
    options: dict[str, Any] = {
        "steps_per_execution": {"steps_per_execution": 5},
        "eager": {"run_eagerly": True},
    }
    model = model_of(keras, **options.get(kind, {}))
    data = (
        {"x": slow_generator(), "steps_per_epoch": STEPS}
        if kind == "generator"
        else {"x": slow_batches(keras)}
    )
    run = recorded(model, tmp_path, **data)
    wide = run.wide()
    assert (wide["data_time"] <= wide["step_time"]).all()
    # A pipeline may have a batch ready before it is asked for: not every pause is waited for.
    assert (wide["data_time"] >= 0.3 * PAUSE).all()
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["input"]["kind"] == ("generator" if kind == "generator" else "PyDataset")


def test_input_bound_speaks_with_the_remedy_for_what_made_the_batches(keras: Any, tmp_path: Path) -> None:
    run = recorded(model_of(keras), tmp_path, x=slow_batches(keras, 0.05))
    [finding] = [each for each in traindiag.diagnose(run).runs[0].findings if each.rule == "input-bound"]
    assert "are spent waiting for data" in finding.message
    assert "give the PyDataset workers=4 instead of 1" in finding.remedies[0].change


def test_arrays_are_not_waited_for_and_validation_is_no_training(keras: Any, tmp_path: Path) -> None:
    model = model_of(keras)
    run = recorded(model, tmp_path / "a", x=X, y=X[:, :1], batch_size=16, validation_data=slow_batches(keras))
    wide = run.wide()
    # The median: on a busy machine anything may take long once.
    assert wide["data_time"].median() < 0.5 * PAUSE
    assert (wide["epoch_time"] > STEPS * PAUSE).all()
    assert "input-bound" not in {finding.rule for finding in traindiag.diagnose(run).runs[0].findings}
    # The graph is there already: the clock in it goes on.
    again = recorded(model, tmp_path / "b", x=slow_batches(keras)).wide()
    assert (again["data_time"] >= 0.3 * PAUSE).all()


def test_an_unwatched_fit_leaves_no_trace(keras: Any, tmp_path: Path) -> None:
    model = model_of(keras)
    recorded(model, tmp_path, x=X, y=X[:, :1])
    loss = model.fit(slow_batches(keras), epochs=1, verbose=0).history["loss"]
    assert np.isfinite(loss).all()


def test_slowing_down_speaks(keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs that take longer and longer by a clock that is set forward."""
    from traindiag.capture import clock
    from traindiag.capture.recorder import Recorder

    ahead = [0.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda begin=time.perf_counter: begin() + ahead[0])

    class Later(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            ahead[0] += 1.0 + 0.5 * self.epoch

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

    model_of(keras).fit(X, X[:, :1], epochs=12, verbose=0, callbacks=[Later(), Recorder(tmp_path)])
    found = {
        finding.rule: finding for finding in traindiag.diagnose(traindiag.read(tmp_path)).runs[0].findings
    }
    assert "slowing-down" in found
