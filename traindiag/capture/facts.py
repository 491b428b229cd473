"""What can be known of a training besides its curves: the model, the call of `fit`, the machine."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Any

from traindiag.capture.device import choose_device, import_keras, number, versions
from traindiag.capture.guessing import chance_losses

_DEEPEST, _LONGEST, _MOST = 6, 300, 60
_FRAMES = 12
"""How many callers up the `fit` of a callback is looked for; Keras' own way there has two to four."""
_KERAS_BATCH = 32
"""What Keras takes for arrays when no batch size is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCall:
    """The call of `fit` a callback is in.

    Attributes:
        arguments: local names of `fit`: ``x``, ``batch_size``, ``validation_data``, ``epoch_iterator``, ...; empty
            when not found.
        callbacks: those of the list the callback is in.
    """

    arguments: Mapping[str, Any]
    callbacks: tuple[Any, ...]


def fit_call(model: Any) -> FitCall:
    """The `fit` of `model` that is under way, from the stack: Keras tells callbacks little about it."""
    arguments: Mapping[str, Any] = {}
    callbacks: tuple[Any, ...] = ()
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame is None:
            break
        this = frame.f_locals.get("self")
        if not callbacks and isinstance(getattr(this, "callbacks", None), list):
            callbacks = tuple(this.callbacks)  # type: ignore[union-attr]
        if frame.f_code.co_name == "fit" and this is model:
            names = (
                "x", "y", "batch_size", "validation_data", "class_weight", "sample_weight", "initial_epoch", "epochs",
                "validation_freq", "epoch_iterator",
            )  # fmt: skip
            arguments = {name: frame.f_locals.get(name) for name in names}
            break
        frame = frame.f_back
    return FitCall(arguments=arguments, callbacks=callbacks)


def facts_of(model: Any, call: FitCall, params: Mapping[str, Any]) -> dict[str, Any]:
    """The facts for ``run.json``; what cannot be known is left out.

    Args:
        model: the Keras model, built.
        call: from `fit_call`.
        params: what Keras gives to callbacks: ``epochs``, ``steps``.
    """
    x, validation = call.arguments.get("x"), call.arguments.get("validation_data")
    pieces: dict[str, Callable[[], Any]] = {
        "epochs_wanted": lambda: params.get("epochs"),
        "steps_per_epoch": lambda: params.get("steps"),
        "batch_size": lambda: batch_size_of(x, call.arguments.get("batch_size")),
        "input": lambda: input_of(x),
        "train_samples": lambda: samples_of(x),
        "val_samples": lambda: samples_of(validation[0]) if isinstance(validation, tuple) else None,
        "model": lambda: model.name,
        "parameters": lambda: int(model.count_params()),
        "learning_rate": lambda: learning_rate_of(model),
        "optimizer": lambda: optimizer_config(model),
        "compile": lambda: _compile_config(model),
        "chance_loss": lambda: chance_losses(model, *_targets(call)),
        "callbacks": lambda: [callback_facts(each) for each in call.callbacks if _is_the_users(each)],
        "precision": _precision,
        "seed": lambda: import_module("keras.src.utils.rng_utils").get_random_seed(),
        **_machine(),
    }
    return known(pieces)


def _targets(call: FitCall) -> tuple[Any, Any]:
    """Of training and validation; None where samples are weighted: guessing has another price there."""
    given, validation = call.arguments, call.arguments.get("validation_data")
    weighted = any(given.get(name) is not None for name in ("class_weight", "sample_weight"))
    train = None if weighted else given.get("y")
    if not isinstance(validation, tuple) or len(validation) < 2:
        return train, None
    # After `validation_split` Keras has a third member there, None without weights.
    return train, validation[1] if all(weights is None for weights in validation[2:]) else None


def optimizer_config(model: Any) -> dict[str, Any]:
    """The optimizer's config under its own name: Keras counts instances (``sgd_4``), which says nothing of a run."""
    optimizer = inner_optimizer(model)
    config: dict[str, Any] = dict(import_keras().saving.serialize_keras_object(optimizer)["config"])
    if "name" in config:
        config["name"] = re.sub(r"_\d+$", "", str(config["name"]))
    return config


def known(pieces: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Each piece as a JSON value; pieces that fail or give None are left out."""
    facts = {}
    for name, piece in pieces.items():
        try:
            value = plain(piece())
        except Exception:  # Whatever a model's own code raises: this fact is not known then.
            continue
        if value is not None:
            facts[name] = value
    return facts


def _precision() -> str:
    keras = import_keras()
    # Keras 2 has it elsewhere.
    policy = keras.config.dtype_policy if hasattr(keras, "config") else keras.mixed_precision.global_policy
    return str(policy().name)


def _machine() -> dict[str, Callable[[], Any]]:
    def backend() -> str:
        return str(import_keras().backend.backend())

    def device() -> dict[str, str]:
        chosen = choose_device()
        return {"kind": chosen.kind, "name": chosen.name}

    return {"device": device, "backend": backend, "versions": lambda: versions(backend())}


def learning_rate_of(model: Any) -> float:
    """The optimizer's rate now, also that of a schedule.

    Raises:
        Exception: whatever the optimizer raises; not every one has a rate.
    """
    return number(model.optimizer.learning_rate)


def has_schedule(model: Any) -> bool:
    """Whether the optimizer's rate is a function of the step."""
    schedule = import_keras().optimizers.schedules.LearningRateSchedule
    return isinstance(getattr(inner_optimizer(model), "_learning_rate", None), schedule)


def inner_optimizer(model: Any) -> Any:
    """The optimizer that steps, also where half precision puts one around it that scales the loss."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def _compile_config(model: Any) -> dict[str, Any]:
    config = dict(model.get_compile_config())
    config.pop("optimizer", None)  # It has a place of its own.
    return config


def _is_the_users(callback: Any) -> bool:
    """Not those that Keras adds to every list, and not our own."""
    name, module = type(callback).__name__, type(callback).__module__
    return name not in ("History", "ProgbarLogger") and not module.startswith("traindiag.")


def callback_facts(callback: Any) -> dict[str, Any]:
    """The class of a callback and the settings it was made with, as far as it keeps them under their names."""
    kept = vars(callback)
    config = {}
    for name in inspect.signature(type(callback).__init__).parameters:
        for attribute in (name, f"_{name}"):
            if name != "self" and attribute in kept:
                config[name] = plain(kept[attribute])
                break
    return {"class": type(callback).__name__, "config": config}


def batch_size_of(x: Any, given: Any) -> int | None:
    """Samples a step, where the call or the data tell without being run."""
    if isinstance(given, int):
        return given
    own = getattr(x, "batch_size", None)  # PyDatasets and PyTorch's loaders, by custom.
    if isinstance(own, int):
        return own
    if samples_of(x) is not None:
        return _KERAS_BATCH
    return _batch_of_dataset(x)


def input_of(x: Any) -> dict[str, Any] | None:
    """What makes the batches: arrays, generator, PyDataset, tf.data, DataLoader or a class of another kind."""
    if x is None:
        return None
    if samples_of(x) is not None:
        return {"kind": "arrays"}
    utils = import_keras().utils
    if isinstance(x, getattr(utils, "PyDataset", None) or utils.Sequence):  # As Keras 2 calls it.
        names = ("workers", "use_multiprocessing", "max_queue_size")
        return {"kind": "PyDataset", **{name: getattr(x, name) for name in names if hasattr(x, name)}}
    if inspect.isgenerator(x):
        return {"kind": "generator"}
    package = type(x).__module__.partition(".")[0]
    known_kinds = {"tensorflow": "tf.data", "torch": "DataLoader"}
    return {"kind": known_kinds.get(package, type(x).__qualname__)}


def _batch_of_dataset(dataset: Any) -> int | None:
    """Batch size of a ``tf.data.Dataset``: that of the last `batch` it went through."""
    for _ in range(20):
        size = getattr(dataset, "_batch_size", None)
        if size is not None:
            return int(size)
        dataset = getattr(dataset, "_input_dataset", None)
        if dataset is None:
            break
    return None


def samples_of(x: Any) -> int | None:
    """Length of the first array; None for what is no array and no tuple, list or dict of arrays."""
    if isinstance(x, Mapping):
        x = next(iter(x.values()), None)
    elif isinstance(x, (list, tuple)) and x and hasattr(x[0], "shape"):
        x = x[0]
    shape = getattr(x, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) else None


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it: containers up to a depth and a length, arrays of one number, names of the rest."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, os.PathLike)):
        return str(value)[:_LONGEST]
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key)[:_LONGEST]: plain(each, depth + 1) for key, each in list(value.items())[:_MOST]}
    if depth < _DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each, depth + 1) for each in list(value)[:_MOST]]
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return plain(value.item(), depth + 1)
    return getattr(value, "__qualname__", type(value).__name__)
