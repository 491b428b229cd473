"""What a model's JSON tells: its heads and their losses, dropout, the optimizer and its learning rate.

``keras.callbacks.TensorBoard`` writes ``model.to_json()`` under the tag ``keras`` of the train event file.
Keras 3 puts the arguments of ``compile`` into it (``compile_config``), Keras 2 only the layers. Every shape
of it is taken: Sequential and Functional, one output or several, layers within layers. What is missing, or
not of the shape known, is None: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PASSES = frozenset(
    "Flatten Reshape Permute Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout "
    "Cropping1D Cropping2D ZeroPadding1D ZeroPadding2D Rescaling Identity RepeatVector".split()
)
"""Layers that hand on what they get: the activation of the head is that of the layer before."""
_RANDOM = re.compile(r"Dropout|GaussianNoise|^Random[A-Z]|RandAugment|MixUp|CutMix|AugMix|StochasticDepth")
_ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
}
_MAX_DEPTH = 8
"""Models within models beyond this depth are not followed: the JSON comes from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One output of a model and the loss it is trained with.

    Attributes:
        name: of the output layer.
        activation: the last activation in snake case, ``linear`` where there is none; None when unknown.
        units: width of the output; None when unknown.
        loss: in snake case, ``sparse_categorical_crossentropy``; None when unknown.
        from_logits: whether the loss expects logits; False is Keras' default, None when the loss is unknown.
        ends_in_dropout: whether units of the output itself are dropped in training.
    """

    name: str
    activation: str | None
    units: int | None
    loss: str | None
    from_logits: bool | None
    ends_in_dropout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasModel:
    """The facts of a model's JSON; the empty one stands for a log without it.

    Attributes:
        known: whether there was a model to read.
        heads: one an output.
        dropout: (layer, rate) of every dropout layer, in order.
        stacked_linear: (layer, next layer): Dense layers with no activation between them.
        random_layers: names of layers that act only in training: dropout, noise, augmentation.
        optimizer: class name, ``Adam``.
        learning_rate: of the optimizer; the first one of a schedule.
        schedule: class name of the learning-rate schedule.
        clips: whether the optimizer clips gradients.
    """

    known: bool = False
    heads: tuple[Head, ...] = ()
    dropout: tuple[tuple[str, float], ...] = ()
    stacked_linear: tuple[tuple[str, str], ...] = ()
    random_layers: tuple[str, ...] = ()
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    clips: bool = False

    @property
    def classes(self) -> int | None:
        """Number of classes, from the only head: its softmax or categorical width, 2 for one sigmoid unit."""
        if len(self.heads) != 1:
            return None
        head = self.heads[0]
        categorical = head.activation == "softmax" or (head.loss or "").endswith("categorical_crossentropy")
        if categorical and head.units is not None and head.units >= 2:
            return head.units
        if head.activation == "sigmoid" and head.units == 1 and head.loss in (None, "binary_crossentropy"):
            return 2
        return None


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer: its name, class, configuration and the names of the layers before it."""

    name: str
    kind: str
    config: Mapping[str, Any]
    before: tuple[str, ...]

    @property
    def activation(self) -> str | None:
        """In snake case; None for layers that have no activation of their own."""
        if self.kind in _ACTIVATION_LAYERS:
            return _ACTIVATION_LAYERS[self.kind]
        if "activation" in self.config:
            return _name_of(self.config["activation"]) or "linear"
        return None

    @property
    def units(self) -> int | None:
        for key in ("units", "filters", "output_dim"):
            value = self.config.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
        return None


def keras_model(document: Any) -> KerasModel:
    """Read the facts out of a model's JSON.

    Args:
        document: what ``json.loads`` made of it; anything else gives the empty model.
    """
    if not isinstance(document, Mapping):
        return KerasModel()
    layers = {layer.name: layer for layer in _layers(document)}
    if not layers:
        return KerasModel()
    compiled = _mapping(document.get("compile_config")) or _mapping(document.get("training_config"))
    optimizer = _mapping(compiled.get("optimizer"))
    rate, schedule = _learning_rate(compiled.get("optimizer"))
    every = list(_all_layers(document))
    return KerasModel(
        known=True,
        heads=tuple(_heads(_outputs(document, list(layers)), layers, compiled.get("loss"))),
        dropout=tuple(_dropout(every)),
        stacked_linear=tuple(_stacked_linear(layers)),
        random_layers=tuple(layer.name for layer in every if _RANDOM.search(layer.kind)),
        optimizer=_text(optimizer.get("class_name")) or _text(compiled.get("optimizer")),
        learning_rate=rate,
        schedule=schedule,
        clips=any(
            _mapping(optimizer.get("config")).get(key) is not None
            for key in ("clipnorm", "clipvalue", "global_clipnorm")
        ),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def snake_case(name: str) -> str:
    """``SparseCategoricalCrossentropy`` -> ``sparse_categorical_crossentropy``; names in snake case stay."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _name_of(value: Any) -> str | None:
    """The name of a serialised function or object: a string, or ``{"class_name": ..., "config": ...}``."""
    if isinstance(value, str):
        return snake_case(value)
    inner = _mapping(value)
    if inner.get("class_name") == "function":
        return _name_of(inner.get("config"))
    if inner.get("class_name") in ("LossFunctionWrapper", "MeanMetricWrapper"):
        return _name_of(_mapping(inner.get("config")).get("fn"))
    name = _text(inner.get("class_name")) or _text(inner.get("registered_name"))
    return None if name is None else snake_case(name.rsplit(">", 1)[-1])


def _layer_items(document: Mapping[str, Any]) -> list[Any]:
    config = document.get("config")
    items = config if isinstance(config, list) else _mapping(config).get("layers")
    return items if isinstance(items, list) else []


def _layers(document: Mapping[str, Any]) -> Iterator[_Layer]:
    """The layers of a model, each with the layers before it; in a Sequential, the one before."""
    items = [item for item in _layer_items(document) if isinstance(item, Mapping)]
    sequential = not any("inbound_nodes" in item for item in items)
    previous: tuple[str, ...] = ()
    for index, item in enumerate(items):
        config = _mapping(item.get("config"))
        name = _text(item.get("name")) or _text(config.get("name")) or f"layer {index}"
        before = previous if sequential else tuple(_inbound(item.get("inbound_nodes")))
        yield _unwrapped(_Layer(name, _text(item.get("class_name")) or "", config, before), item)
        previous = (name,)


def _unwrapped(layer: _Layer, item: Mapping[str, Any], depth: int = 0) -> _Layer:
    """A wrapper (TimeDistributed, Bidirectional) or a model as a layer stands for what is in it."""
    inner = layer.config.get("layer")
    if isinstance(inner, Mapping) and depth < _MAX_DEPTH:
        config = _mapping(inner.get("config"))
        return _unwrapped(
            _Layer(layer.name, _text(inner.get("class_name")) or "", config, layer.before), inner, depth + 1
        )
    if _layer_items(item) and depth < _MAX_DEPTH:
        nested = list(_layers(item))
        last = next((each for each in reversed(nested) if each.kind not in _PASSES), None)
        if last is not None:
            return _Layer(layer.name, last.kind, last.config, layer.before)
    return layer


def _all_layers(document: Mapping[str, Any], depth: int = 0) -> Iterator[_Layer]:
    """The layers of a model and of the models within it."""
    yield from _layers(document)
    if depth < _MAX_DEPTH:
        for item in _layer_items(document):
            if isinstance(item, Mapping) and _layer_items(item):
                yield from _all_layers(item, depth + 1)


def _inbound(nodes: Any) -> Iterator[str]:
    """Names of the layers a Functional layer is fed by; Keras 3 nests them in tensors, Keras 2 in lists."""
    if isinstance(nodes, Mapping):
        history = _mapping(nodes.get("config")).get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            yield history[0]
            return
        for value in nodes.values():
            yield from _inbound(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
            return
        for value in nodes:
            yield from _inbound(value)


def _outputs(document: Mapping[str, Any], names: list[str]) -> dict[str, str]:
    """Output key -> layer name. A Sequential has its last layer; a Functional one names them."""
    listed = _mapping(document.get("config")).get("output_layers")
    if isinstance(listed, Mapping):
        found = {str(key): name for key, value in listed.items() for name in list(_inbound(value))[:1]}
    else:
        found = {name: name for name in _inbound(listed)} if isinstance(listed, list) else {}
    return found or {names[-1]: names[-1]}


def _heads(outputs: Mapping[str, str], layers: Mapping[str, _Layer], loss: Any) -> Iterator[Head]:
    for index, (key, name) in enumerate(outputs.items()):
        layer = layers.get(name)
        if layer is None:
            continue
        activation, units = _activation_and_units(layer, layers)
        loss_name, from_logits = _loss(loss, index, key, name, alone=len(outputs) == 1)
        yield Head(
            name=name,
            activation=activation,
            units=units,
            loss=loss_name,
            from_logits=from_logits,
            ends_in_dropout="Dropout" in layer.kind,
        )


def _activation_and_units(layer: _Layer, layers: Mapping[str, _Layer]) -> tuple[str | None, int | None]:
    """Walk back from the output to the first activation and the first width."""
    activation: str | None = None
    seen: set[str] = set()
    current: _Layer | None = layer
    while current is not None and current.name not in seen:
        seen.add(current.name)
        activation = activation if activation not in (None, "linear") else current.activation or activation
        if current.units is not None:
            return activation, current.units
        is_activation = current.kind == "Activation" or current.kind in _ACTIVATION_LAYERS
        if not is_activation and current.kind not in _PASSES:
            # A layer of unknown making: its activation is not known unless one followed it.
            return activation, None
        current = layers.get(current.before[0]) if len(current.before) == 1 else None
    return activation, None


def _loss(loss: Any, index: int, key: str, name: str, *, alone: bool) -> tuple[str | None, bool | None]:
    """Name and ``from_logits`` of the loss of one output."""
    if isinstance(loss, list):
        loss = loss[index] if index < len(loss) else None
    elif isinstance(loss, Mapping) and "class_name" not in loss:
        loss = loss.get(key, loss.get(name, next(iter(loss.values()), None) if alone else None))
    found = _name_of(loss)
    if found is None:
        return None, None
    found = _SHORT.get(found, found)
    return found, bool(_mapping(_mapping(loss).get("config")).get("from_logits", False))


_SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "logcosh": "log_cosh",
}


def _learning_rate(optimizer: Any) -> tuple[float | None, str | None]:
    """The rate and the schedule's class; ``initial_learning_rate`` of a schedule, else its first value."""
    config = _mapping(_mapping(optimizer).get("config"))
    value = config.get("learning_rate", config.get("lr"))
    rate = _number(value)
    if rate is not None:
        return (rate if rate > 0 else None), None
    schedule = _mapping(value)
    inner = _mapping(schedule.get("config"))
    first = _number(inner.get("initial_learning_rate"))
    if first is None and isinstance(inner.get("values"), list) and inner["values"]:
        first = _number(inner["values"][0])
    return (first if first is not None and first > 0 else None), _text(schedule.get("class_name"))


def _dropout(layers: list[_Layer]) -> Iterator[tuple[str, float]]:
    for layer in layers:
        rate = _number(layer.config.get("rate"))
        if "Dropout" in layer.kind and rate is not None:
            yield layer.name, rate


def _stacked_linear(layers: Mapping[str, _Layer]) -> Iterator[tuple[str, str]]:
    """Dense layers fed by a Dense layer without activation: the two are one linear map."""
    for layer in layers.values():
        if layer.kind != "Dense" or len(layer.before) != 1:
            continue
        before = layers.get(layer.before[0])
        while before is not None and before.kind in ("Dropout", "Flatten") and len(before.before) == 1:
            before = layers.get(before.before[0])
        if before is not None and before.kind == "Dense" and before.activation == "linear":
            yield before.name, layer.name
