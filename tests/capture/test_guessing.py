"""The loss of guessing is the least that one constant answer reaches by Keras' own losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traindiag.capture.guessing import chance_loss, chance_losses

RANDOM = np.random.default_rng(0)
TARGETS = {
    "mse": RANDOM.gamma(2.0, size=(80, 2)),
    "mae": RANDOM.gamma(2.0, size=81),
    "binary_crossentropy": RANDOM.integers(0, 2, (90, 3)),
    "categorical_crossentropy": np.eye(4)[RANDOM.integers(0, 4, 70)],
    "sparse_categorical_crossentropy": RANDOM.choice([0, 1, 1, 2], 60),
}


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


def constant_answer(targets: np.ndarray, loss: str) -> np.ndarray:
    """What a network with nothing but a bias would come to."""
    if loss == "mae":
        return np.full((len(targets), 1), np.median(targets))
    if loss == "sparse_categorical_crossentropy":
        targets = np.eye(3)[targets]
    return np.tile(targets.mean(axis=0), (len(targets), 1))


@pytest.mark.parametrize("loss", TARGETS)
def test_no_constant_answer_costs_less(keras: Any, loss: str) -> None:
    targets = TARGETS[loss]
    answer = constant_answer(targets, loss)
    least = chance_loss(loss, targets)
    shaped = targets[:, None] if loss == "mae" else targets

    def cost(answer: np.ndarray) -> float:
        return float(np.mean(keras.losses.get(loss)(shaped.astype("float32"), answer.astype("float32"))))

    assert least == pytest.approx(cost(answer), rel=1e-4)
    for factor in (0.97, 1.03):
        assert cost(np.clip(answer * factor, 1e-6, 1 - 1e-6 if "cross" in loss else None)) > least - 1e-6


def test_each_way_to_name_a_loss(keras: Any) -> None:
    y = TARGETS["mse"]
    for loss in (
        "mse",
        "MSE",
        "mean_squared_error",
        keras.losses.MeanSquaredError(),
        keras.losses.mean_squared_error,
        ["mse"],
    ):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile("sgd", loss)
        assert chance_losses(model, y, None) == {"train": pytest.approx(y.var(axis=0).mean())}


def test_what_is_not_known_is_left_out(keras: Any) -> None:
    y = TARGETS["mse"]
    assert chance_loss("huber", y) is None
    assert chance_loss("mse", [1.0, 2.0]) is None
    assert chance_loss("mse", np.array([1.0, np.nan])) is None
    assert chance_loss("mse", np.array(["a", "b"])) is None
    assert chance_loss("mse", np.empty(0)) is None
    for loss in (
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        keras.losses.MeanSquaredError("sum"),
    ):
        assert chance_loss(keras.saving.serialize_keras_object(loss), y) is None
    for strength, known in ((0.1, False), (0.0, True)):
        penalty = keras.regularizers.L2(strength)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_regularizer=penalty)])
        model.compile("sgd", "mse")
        assert (chance_losses(model, y, y) is not None) == known


@pytest.mark.parametrize(
    ("options", "splits"),
    [
        ({"validation_split": 0.25}, {"train", "val"}),
        ({"validation_split": 0.25, "sample_weight": np.ones(80)}, set()),
        ({"class_weight": {0: 1.0}}, set()),
        ({}, {"train"}),
    ],
)
def test_a_recorded_fit_knows_it(
    keras: Any, tmp_path: Path, options: dict[str, Any], splits: set[str]
) -> None:
    from traindiag.capture.recorder import Recorder

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    y = np.zeros(80) if "class_weight" in options else TARGETS["mse"][:, 0]
    model.fit(np.ones((80, 3)), y, epochs=1, verbose=0, callbacks=[Recorder(tmp_path)], **options)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert set(facts.get("chance_loss", {})) == splits
