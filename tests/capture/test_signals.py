"""Opt-in signals in real trainings: right by hand, the training unchanged, and the rules that speak by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import traindiag
from traindiag.capture.signals import SIGNALS, chosen, groups_of
from traindiag.model.errors import UsageError

X = np.random.default_rng(0).normal(size=(90, 6)).astype("float32")
Y = X[:, :1] + X[:, 1:2]


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def network(keras: Any, *layers: Any, rate: float = 0.02, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse", **compiled)
    return model


def dense(keras: Any, units: int, name: str, activation: str | None = None, **options: Any) -> Any:
    return keras.layers.Dense(units, activation=activation, name=name, **options)


def usual(keras: Any, **compiled: Any) -> Any:
    keras.utils.set_random_seed(5)
    layers = (dense(keras, 12, "a", "relu"), keras.layers.Dropout(0.3), dense(keras, 1, "b"))
    return network(keras, *layers, **compiled)


def fitted(model: Any, folder: Path, signals: Any = SIGNALS, y: Any = Y, **options: Any) -> Any:
    from traindiag.capture.recorder import Recorder

    recorder = Recorder(folder, signals=signals)
    model.fit(X, y, **{"batch_size": 32, "epochs": 4, "verbose": 0, **options}, callbacks=[recorder])
    return traindiag.read(folder)


def findings(run: Any) -> dict[str, str]:
    return {finding.rule: finding.message for finding in traindiag.diagnose(run).runs[0].findings}


@pytest.mark.keras
def test_norms_are_those_of_the_gradients(keras: Any, tmp_path: Path) -> None:
    """One step an epoch of plain descent: the update is the rate times the gradient."""
    model = network(keras, dense(keras, 3, "a"), dense(keras, 1, "b"), rate=0.1)
    before = [weight.copy() for weight in model.get_weights()]
    wide = fitted(model, tmp_path, batch_size=90, epochs=1).wide()
    steps = [(old - new) for old, new in zip(before, model.get_weights(), strict=True)]
    for name, part in (("a", slice(0, 2)), ("b", slice(2, 4))):
        moved = np.sqrt(sum(np.sum(np.square(step)) for step in steps[part]))
        size = np.sqrt(sum(np.sum(np.square(weight)) for weight in before[part]))
        assert wide[f"gradient_norm/{name}"][0] == pytest.approx(moved / 0.1, rel=1e-4)
        assert wide[f"update_ratio/{name}"][0] == pytest.approx(moved / size, rel=1e-4)
    both = np.hypot(wide["gradient_norm/a"][0], wide["gradient_norm/b"][0])
    assert wide["gradient_norm"][0] == pytest.approx(both, rel=1e-5)
    now = np.sqrt(sum(np.sum(np.square(weight)) for weight in model.get_weights()[:2]))
    assert wide["weight_norm/a"][0] == pytest.approx(now, rel=1e-5)


@pytest.mark.keras
@pytest.mark.parametrize("compiled", [{}, {"steps_per_execution": 3}, {"run_eagerly": True}], ids=str)
def test_the_training_is_the_same(keras: Any, tmp_path: Path, compiled: dict[str, Any]) -> None:
    if keras.backend.backend() == "torch" and "steps_per_execution" in compiled:
        pytest.skip("PyTorch takes one step at a time")
    weights = []
    for signals in ((), SIGNALS):
        model = usual(keras, **compiled)
        fitted(model, tmp_path / str(len(signals)), signals, validation_split=0.2)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.keras
def test_the_model_is_as_it_was_afterwards(keras: Any, tmp_path: Path) -> None:
    model = usual(keras)
    before = set(vars(model)), set(vars(model.optimizer))
    fitted(model, tmp_path / "a")
    assert "train_step" not in vars(model)
    assert "apply" not in vars(model.optimizer)
    model.fit(X, Y, verbose=0)
    wide = fitted(model, tmp_path / "b").wide()
    assert np.isfinite(wide["gradient_norm"]).all()
    assert not {"train_step", "apply"} & (before[0] | before[1])


@pytest.mark.keras
def test_a_fit_that_was_broken_off_is_no_matter_of_the_next(keras: Any, tmp_path: Path) -> None:
    from traindiag.capture.recorder import Recorder

    def fail(epoch: int, logs: Any) -> None:
        raise RuntimeError("of its own")

    model = usual(keras)
    broken = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    same = Recorder(tmp_path / "a", signals=SIGNALS)
    with pytest.raises(RuntimeError):
        model.fit(X, Y, verbose=0, callbacks=[same, broken])
    model.fit(X, Y, verbose=0, callbacks=[same])
    with pytest.raises(RuntimeError):
        model.fit(X, Y, verbose=0, callbacks=[same, broken])
    wide = fitted(model, tmp_path / "b").wide()
    assert (wide["gradient_norm"] > 0).all()
    assert not {"train_step", "apply"} & (vars(model).keys() | vars(model.optimizer).keys())


@pytest.mark.keras
def test_histograms_are_those_tensorboard_reads(keras: Any, tmp_path: Path) -> None:
    model = usual(keras)
    fitted(model, tmp_path, ["weights"])
    run = traindiag.read(tmp_path / "tb", histograms=True)
    kernel = model.layers[0].get_weights()[0]
    [norm] = [each for each in run.series if each.metric == f"weight_norm/{model.layers[0].kernel.path}"]
    assert norm.value[-1] == pytest.approx(np.linalg.norm(kernel), rel=0.05)
    assert norm.epoch is not None
    assert norm.epoch.tolist() == [0, 1, 2, 3]


@pytest.mark.keras
@pytest.mark.parametrize("where", ["x", "y"])
def test_the_batch_that_broke_is_named(keras: Any, tmp_path: Path, where: str) -> None:
    from traindiag.capture.recorder import Recorder

    x, y = X.copy(), Y.copy()
    (x if where == "x" else y)[70] = np.nan
    y[75] = np.inf if where == "y" else 0.0
    model = network(keras, dense(keras, 1, "a"))
    model.fit(
        x, y, batch_size=32, epochs=6, shuffle=False, verbose=0,
        callbacks=[Recorder(tmp_path, signals=["nan-batch"])],
    )  # fmt: skip
    told = json.loads((tmp_path / "run.json").read_text())["bad_batch"]
    assert (told["epoch"], told["batch"], told["loss_finite"]) == (0, 2, False)
    assert told["arrays"][where]["nan"] == (6 if where == "x" else 1)
    assert told["arrays"]["y"]["inf"] == (where == "y")
    assert told["arrays"]["x"]["max"] == pytest.approx(np.nanmax(x[64:]), rel=1e-6)
    found = findings(traindiag.read(tmp_path))
    assert "batch 2 of epoch 0 was the first to break" in found["non-finite"]
    assert "missing-values" in found


@pytest.mark.keras
def test_rules_speak_by_the_signals(keras: Any, tmp_path: Path) -> None:
    """Deep sigmoids vanish; units pushed below zero are dead; a rate too high makes gradients explode."""
    keras.utils.set_random_seed(1)
    deep = network(keras, *(dense(keras, 6, f"s{i}", "sigmoid") for i in range(9)), dense(keras, 1, "out"))
    vanishing = fitted(deep, tmp_path / "deep", ["gradients"], epochs=5)
    assert "s0" in findings(vanishing)["vanishing-gradient"]
    below = keras.initializers.Constant(-50.0)
    dead = network(
        keras,
        dense(keras, 12, "first", "relu"),
        dense(keras, 12, "killed", "relu", bias_initializer=below),
        dense(keras, 12, "after", "relu", bias_initializer="ones"),
        dense(keras, 1, "out"),
    )
    run = fitted(dead, tmp_path / "dead", ["gradients"], epochs=5)
    assert "100% of the units are dead in killed" in findings(run)["dead-units"]
    # Nothing reaches the layer below, so nothing is known of its units.
    assert "dead_fraction/first" not in run.wide()
    assert (run.wide()["dead_fraction/after"] < 1).all()
    wild = network(keras, dense(keras, 8, "a"), dense(keras, 8, "b"), dense(keras, 1, "c"), rate=3.0)
    run = fitted(wild, tmp_path / "wild", ["gradients"], epochs=12)
    assert "exploding-gradient" in findings(run)


def test_unknown_signals_are_refused() -> None:
    assert chosen("weights") == {"weights"}
    assert chosen(SIGNALS) == set(SIGNALS)
    with pytest.raises(UsageError, match="no such signal: gradient"):
        chosen(["weights", "gradient"])


def test_layers_are_put_together_where_there_are_many() -> None:
    assert groups_of(["net/a", "net/a", "net/b"]) == {"net/a": "a", "net/b": "b"}
    assert groups_of(["a"]) == {"a": "a"}
    assert groups_of(["net/base/a", "net/head"]) == {"net/base/a": "base/a", "net/head": "head"}
    many = groups_of([f"net/l{number}" for number in range(100)])
    assert len(set(many.values())) == 20
    assert many["net/l0"] == many["net/l4"] == "l0..l4"
