"""What every scenario is: a small training with a known illness, or a healthy one.

A scenario is one file with one subclass of `Scenario`; the first line of its docstring is its description in
``traindiag train --list``. The illness is caused by learning rate, data, capacity or labels, never by
touching the recorded numbers. What a remedy may change is a knob.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from traindiag.capture.data import Data
from traindiag.capture.device import import_keras
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.nearest import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What can be changed of a scenario.

    Attributes:
        learning_rate: of the optimizer.
        optimizer: ``adam``, ``sgd`` or ``rmsprop``.
        batch_size: samples a step.
        units: width of each hidden layer.
        activation: of the hidden layers.
        dropout: rate after each hidden layer, 0 to 1.
        l2: weight decay of each kernel.
        clipnorm: largest norm of each gradient; None for no clipping.
        patience: epochs without a better val_loss until EarlyStopping ends the run and goes back to the
            best weights; None for no early stopping.
    """

    learning_rate: float = 1e-3
    optimizer: str = "adam"
    batch_size: int = 32
    units: tuple[int, ...] = (64,)
    activation: str = "relu"
    dropout: float = 0.0
    l2: float = 0.0
    clipnorm: float | None = None
    patience: int | None = None


class Scenario(ABC):
    """One training with a known outcome.

    Class attributes:
        name: kebab-case, unique.
        expected: names of the rules that are right as its verdict; the first one is the best answer.
        severity: of that verdict.
        epochs: trained unless the user says otherwise.
        knobs: the settings that bring the outcome about.
        classes: number of classes, None for regression.
        update_freq: of the TensorBoard callback.

    Args:
        knobs: changed settings; None for the scenario's own.
    """

    name: ClassVar[str]
    expected: ClassVar[tuple[str, ...]]
    severity: ClassVar[Severity] = Severity.NOTE
    epochs: ClassVar[int] = 60
    knobs: ClassVar[Knobs] = Knobs()
    classes: ClassVar[int | None] = 10
    update_freq: ClassVar[str | int] = "epoch"
    registry: ClassVar[dict[str, type[Scenario]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            Scenario.registry[cls.name] = cls

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.settings = self.knobs if knobs is None else knobs

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @abstractmethod
    def data(self, seed: int) -> Data:
        """Training and validation samples."""

    def model(self, data: Data, seed: int) -> Any:
        """The network before training: dense layers as the knobs say, and the head of the task."""
        return dense_network(data.features, self.classes, self.settings)

    def learning_rate(self, steps: int, epochs: int) -> Any:
        """The optimizer's learning rate, or a Keras schedule over `epochs` of `steps` each."""
        return self.settings.learning_rate

    def compile(self, model: Any, steps: int, epochs: int) -> None:
        """Gives the network its optimizer, loss and metrics."""
        model.compile(
            optimizer=optimizer_of(self.settings, self.learning_rate(steps, epochs)),
            loss="mse" if self.classes is None else "sparse_categorical_crossentropy",
            metrics=["mae"] if self.classes is None else ["accuracy"],
        )

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        """What `fit` trains on, as its keyword arguments."""
        x, y = data.train
        return {"x": x, "y": y, "batch_size": self.settings.batch_size}

    def callbacks(self, epochs: int) -> list[Any]:
        """Callbacks of the training itself; those that record are added to them."""
        if self.settings.patience is None:
            return []
        early_stopping = import_keras().callbacks.EarlyStopping(
            monitor="val_loss", patience=self.settings.patience, restore_best_weights=True
        )
        return [early_stopping]

    def stages(self, epochs: int) -> Sequence[int]:
        """The epochs at which each `fit` of the run ends; more than one for a resumed run."""
        return (epochs,)


def dense_network(features: int, classes: int | None, knobs: Knobs, **dense: Any) -> Any:
    """Dense layers as the knobs say, then softmax over `classes`, or one linear unit when that is None.

    Args:
        features: number of inputs.
        classes: width of the softmax.
        knobs: widths, activation, dropout and weight decay.
        dense: further arguments of the hidden layers.
    """
    keras = import_keras()
    decay = keras.regularizers.L2(knobs.l2) if knobs.l2 else None
    layers = [keras.Input((features,))]
    for width in knobs.units:
        layers.append(
            keras.layers.Dense(width, activation=knobs.activation, kernel_regularizer=decay, **dense)
        )
        if knobs.dropout:
            layers.append(keras.layers.Dropout(knobs.dropout))
    head = "softmax" if classes is not None else "linear"
    layers.append(keras.layers.Dense(classes or 1, activation=head, kernel_regularizer=decay))
    return keras.Sequential(layers)


def optimizer_of(knobs: Knobs, learning_rate: Any) -> Any:
    """The optimizer the knobs name."""
    optimizers = import_keras().optimizers
    kind = {"adam": optimizers.Adam, "sgd": optimizers.SGD, "rmsprop": optimizers.RMSprop}[knobs.optimizer]
    return kind(learning_rate=learning_rate, clipnorm=knobs.clipnorm)


@cache
def all_scenarios() -> tuple[type[Scenario], ...]:
    """Every scenario, by name: one per module of this package."""
    import traindiag.capture.scenarios as package

    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    return tuple(Scenario.registry[name] for name in sorted(Scenario.registry))


def scenario_named(name: str) -> type[Scenario]:
    """The scenario of that name.

    Raises:
        UsageError: there is none.
    """
    names = [each.name for each in all_scenarios()]
    if name not in names:
        hint = did_you_mean(name, names, "traindiag train --list names them all")
        raise UsageError(f"there is no scenario {name!r}", next_step=hint)
    return Scenario.registry[name]
