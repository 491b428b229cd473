"""The facts in a model's JSON: shapes of Keras 2 and 3, and whatever else may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.analysis.heads import faults_of
from traindiag.analysis.keras_model import Head, KerasModel, keras_model, snake_case
from traindiag.analysis.signals import Signals
from traindiag.model.convert import run_from_history


def dense(name: str, units: int, activation: str = "linear") -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": units, "activation": activation}}


def sequential(*layers: dict[str, Any], **compiled: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}}
    return {**document, "compile_config": compiled} if compiled else document


def test_keras_1_has_a_list_of_layers() -> None:
    model = keras_model(
        {"class_name": "Sequential", "config": [dense("a", 4, "relu"), dense("b", 3, "softmax")]}
    )
    assert model.heads == (Head(name="b", activation="softmax", units=3, loss=None, from_logits=None),)
    assert model.classes == 3


def test_keras_2_functional_nests_lists() -> None:
    layers = [
        {"name": "in", "class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []},
        {**dense("hidden", 8), "name": "hidden", "inbound_nodes": [[["in", 0, 0, {}]]]},
        {**dense("out", 5), "name": "out", "inbound_nodes": [[["hidden", 0, 0, {}]]]},
        {
            "name": "soft",
            "class_name": "Activation",
            "config": {"name": "soft", "activation": "softmax"},
            "inbound_nodes": [[["out", 0, 0, {}]]],
        },
    ]
    config = {
        "name": "m",
        "layers": layers,
        "input_layers": [["in", 0, 0]],
        "output_layers": [["soft", 0, 0]],
    }
    model = keras_model({"class_name": "Functional", "config": config, "keras_version": "2.9.0"})
    assert [(head.name, head.activation, head.units) for head in model.heads] == [("soft", "softmax", 5)]
    assert model.stacked_linear == (("hidden", "out"),)
    assert model.optimizer is None


def test_head_behind_layers_that_hand_on() -> None:
    model = keras_model(
        sequential(
            dense("logits", 10),
            {"class_name": "Softmax", "config": {"name": "softmax"}},
            {"class_name": "Reshape", "config": {"name": "reshape"}},
            loss="categorical_crossentropy",
        )
    )
    assert model.heads[0].activation == "softmax"
    assert model.heads[0].units == 10
    assert faults_of(model.heads[0]) is None


def test_unknown_layer_is_not_guessed_at() -> None:
    model = keras_model(
        sequential(
            dense("a", 4), {"class_name": "MyHead", "config": {"name": "my"}}, loss="categorical_crossentropy"
        )
    )
    assert model.heads[0].activation is None
    assert faults_of(model.heads[0]) is None


def test_nested_model_and_wrapper() -> None:
    inner = sequential(dense("i", 16, "relu"), dense("o", 7, "softmax"))
    wrapped = {"class_name": "TimeDistributed", "config": {"name": "td", "layer": dense("tag", 9, "softmax")}}
    assert keras_model(sequential({**inner, "name": "inner"})).classes == 7
    assert keras_model(sequential(dense("a", 3, "relu"), wrapped)).classes == 9


def test_several_outputs_have_their_own_losses() -> None:
    layers = [
        {"name": "in", "class_name": "InputLayer", "config": {"name": "in"}, "inbound_nodes": []},
        *({**dense(n, u, a), "name": n, "inbound_nodes": [[["in", 0, 0, {}]]]} for n, u, a in
          (("p", 1, "sigmoid"), ("q", 4, "linear"))),
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "output_layers": [["p", 0, 0], ["q", 0, 0]]}
    losses: list[Any] = [
        ["binary_crossentropy", "mse"],
        {"p": "binary_crossentropy", "q": {"class_name": "MeanSquaredError", "config": {}}},
    ]
    for loss in losses:
        model = keras_model({"class_name": "Functional", "config": config, "compile_config": {"loss": loss}})
        assert [head.loss for head in model.heads] == ["binary_crossentropy", "mean_squared_error"]
        assert model.classes is None


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.01, 0.01),
        ({"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1}}, 0.1),
        ({"class_name": "PiecewiseConstantDecay", "config": {"values": [0.3, 0.03]}}, 0.3),
        ("fast", None),
        (None, None),
        (True, None),
        (-1.0, None),
    ],
)
def test_learning_rate(rate: Any, expected: float | None) -> None:
    optimizer = {"class_name": "SGD", "config": {"learning_rate": rate, "clipnorm": 1.0}}
    model = keras_model(sequential(dense("a", 1), optimizer=optimizer, loss="mse"))
    assert model.learning_rate == expected
    assert model.optimizer == "SGD"
    assert model.clips


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        ("MeanSquaredError", "mean_squared_error"),
        ("relu", "relu"),
        ("LogCosh", "log_cosh"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    ("activation", "units", "loss", "from_logits", "fatal"),
    [
        ("linear", 10, "sparse_categorical_crossentropy", False, True),
        ("softmax", 1, "binary_crossentropy", False, True),
        ("sigmoid", 1, "categorical_crossentropy", False, True),
        ("softmax", 10, "categorical_crossentropy", True, False),
        ("sigmoid", 1, "binary_crossentropy", True, False),
        ("softmax", 5, "mean_squared_error", False, False),
        ("relu", 1, "mean_squared_error", False, False),
        ("softmax", 10, "binary_crossentropy", False, False),
    ],
)
def test_faults(activation: str, units: int, loss: str, from_logits: bool, fatal: bool) -> None:
    fault = faults_of(Head(name="h", activation=activation, units=units, loss=loss, from_logits=from_logits))
    assert fault is not None
    assert fault.fatal is fatal


@pytest.mark.parametrize(
    ("activation", "units", "loss", "from_logits"),
    [
        ("softmax", 10, "sparse_categorical_crossentropy", False),
        ("linear", 10, "sparse_categorical_crossentropy", True),
        ("sigmoid", 1, "binary_crossentropy", False),
        ("softmax", 2, "binary_crossentropy", False),
        ("linear", 1, "binary_crossentropy", True),
        ("linear", 3, "mean_squared_error", False),
        ("tanh", 784, "mean_squared_error", False),
        ("linear", 10, "my_loss", False),
        (None, 10, "categorical_crossentropy", False),
        ("linear", 10, None, None),
    ],
)
def test_pairs_that_fit(
    activation: str | None, units: int, loss: str | None, from_logits: bool | None
) -> None:
    assert (
        faults_of(Head(name="h", activation=activation, units=units, loss=loss, from_logits=from_logits))
        is None
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "class_name config layers layer name loss optimizer compile_config output_layers inbound_nodes units "
                "activation learning_rate rate keras_history fn".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_is_taken(document: Any) -> None:
    model = keras_model(document)
    assert isinstance(model, KerasModel)
    for head in model.heads:
        faults_of(head)


def test_deep_nesting_ends() -> None:
    document = sequential(dense("a", 3, "softmax"))
    for _ in range(200):
        document = sequential({**document, "name": "inner"})
    assert keras_model(document).known


def test_signals_fall_back_on_the_model() -> None:
    optimizer = {"class_name": "Adam", "config": {"learning_rate": 3e-4}}
    model = sequential(dense("h", 12, "softmax"), optimizer=optimizer, loss="sparse_categorical_crossentropy")
    signals = Signals(run_from_history({"loss": [2.0, 1.0]}, params={"keras": model}))
    assert signals.classes == 12
    assert signals.learning_rate == 3e-4
    told = Signals(run_from_history({"loss": [2.0, 1.0]}, params={"keras": model, "classes": 5, "lr": 0.1}))
    assert told.classes == 5
    assert told.learning_rate == 0.1


@pytest.mark.keras
def test_a_real_sequential_model() -> None:
    keras = pytest.importorskip("keras")
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dropout(0.6),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 100), global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    facts = keras_model(json.loads(model.to_json()))
    head = facts.heads[0]
    assert (head.activation, head.units, head.from_logits) == ("linear", 10, True)
    assert head.loss == "sparse_categorical_crossentropy"
    assert facts.classes == 10
    assert [rate for _, rate in facts.dropout] == [0.6]
    assert len(facts.random_layers) == 2
    assert (facts.optimizer, facts.learning_rate, facts.schedule, facts.clips) == (
        "SGD",
        0.1,
        "CosineDecay",
        True,
    )
    assert facts.stacked_linear == ()


@pytest.mark.keras
def test_a_real_functional_model() -> None:
    keras = pytest.importorskip("keras")
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(4)(inputs)
    one = keras.layers.Dense(1, activation="sigmoid", name="one")(hidden)
    many = keras.layers.Activation("softmax", name="many")(keras.layers.Dense(3)(hidden))
    model = keras.Model(inputs, {"one": one, "many": many})
    model.compile("adam", {"one": "binary_crossentropy", "many": keras.losses.CategoricalCrossentropy()})
    facts = keras_model(json.loads(model.to_json()))
    heads = {head.name: head for head in facts.heads}
    assert (heads["one"].activation, heads["one"].units, heads["one"].loss) == (
        "sigmoid",
        1,
        "binary_crossentropy",
    )
    assert (heads["many"].activation, heads["many"].units) == ("softmax", 3)
    assert heads["many"].loss == "categorical_crossentropy"
    assert len(facts.stacked_linear) == 2
    assert facts.learning_rate == pytest.approx(1e-3)
    single = keras.Model(inputs, one)
    single.compile("rmsprop", keras.losses.binary_crossentropy)
    assert keras_model(json.loads(single.to_json())).heads[0].loss == "binary_crossentropy"
    assert keras_model(json.loads(single.to_json())).classes == 2
