"""What every scenario is: a small training with a known illness, or a healthy one.

A scenario is one file with one subclass of `Scenario`; the first line of its docstring is its description in
``traindiag train --list``. The illness is caused by learning rate, data, capacity or labels, never by
touching the recorded numbers. What a remedy may change is a knob.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

from traindiag.capture.data import DATA_SETS, TRAIN, VAL, Data, data_set, load
from traindiag.capture.device import import_keras
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.nearest import did_you_mean

USUAL_RATES = {"adam": 1e-3, "nadam": 1e-3, "rmsprop": 5e-4, "sgd": 4e-2, "momentum": 6e-3}
"""A learning rate at which small networks learn well, by optimizer; momentum is SGD with momentum 0.9.

With another optimizer a scenario keeps its distance from the usual rate: one that trains Adam at a thousandth of it
trains SGD at a thousandth of SGD's.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What can be changed of a scenario.

    Attributes:
        learning_rate: of the optimizer.
        optimizer: one of `USUAL_RATES`.
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
        findings: names of rules that must have found something beside the verdict.
        severity: of that verdict.
        epochs: trained unless the user says otherwise.
        knobs: the settings that bring the outcome about.
        dataset: trained on unless the user says otherwise; a name of `DATA_SETS`.
        datasets: the others on which the scenario makes sense; None for all of the same task.
        optimizers: those with which the outcome is the same; None for all.
        update_freq: of the TensorBoard callback.

    Args:
        knobs: changed settings; None for the scenario's own.
        dataset: another data set.
        optimizer: another optimizer, at a rate as far from its usual one.

    Raises:
        UsageError: the scenario makes no sense with that data set or optimizer.
    """

    name: ClassVar[str]
    expected: ClassVar[tuple[str, ...]]
    findings: ClassVar[tuple[str, ...]] = ()
    severity: ClassVar[Severity] = Severity.NOTE
    epochs: ClassVar[int] = 40
    knobs: ClassVar[Knobs] = Knobs()
    dataset: ClassVar[str] = "digits"
    datasets: ClassVar[tuple[str, ...] | None] = None
    optimizers: ClassVar[tuple[str, ...] | None] = None
    update_freq: ClassVar[str | int] = "epoch"
    registry: ClassVar[dict[str, type[Scenario]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            Scenario.registry[cls.name] = cls

    def __init__(
        self, knobs: Knobs | None = None, *, dataset: str | None = None, optimizer: str | None = None
    ) -> None:
        self.settings = self.knobs if knobs is None else knobs
        self.data_name = self._checked("data set", dataset or self.dataset, self.possible_datasets())
        if optimizer is not None and optimizer != self.settings.optimizer:
            self._checked("optimizer", optimizer, self.possible_optimizers())
            self.settings = with_optimizer(self.settings, optimizer)

    def _checked(self, kind: str, given: str, possible: Sequence[str]) -> str:
        if given not in possible:
            hint = did_you_mean(given, list(possible), f"it takes {', '.join(possible)}")
            raise UsageError(f"{self.name} does not work with the {kind} {given!r}", next_step=hint)
        return given

    @classmethod
    def possible_datasets(cls) -> tuple[str, ...]:
        """The data sets the scenario can be trained on, its own first."""
        task = data_set(cls.dataset).task
        others = cls.datasets if cls.datasets is not None else tuple(DATA_SETS)
        alike = [name for name in others if name != cls.dataset and data_set(name).task == task]
        return (cls.dataset, *alike)

    @classmethod
    def possible_optimizers(cls) -> tuple[str, ...]:
        """The optimizers the scenario can be trained with, its own first."""
        others = cls.optimizers if cls.optimizers is not None else tuple(USUAL_RATES)
        return (cls.knobs.optimizer, *(name for name in others if name != cls.knobs.optimizer))

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    def data(self, seed: int) -> Data:
        """Training, validation and test samples."""
        return self.load(seed)

    def load(self, seed: int, *, train: int = TRAIN, val: int = VAL) -> Data:
        """The data set as it is, in splits of that many samples."""
        return load(self.data_name, seed, train=train, val=val)

    def model(self, data: Data, seed: int) -> Any:
        """The network before training: dense layers as the knobs say, and the head of the task."""
        return dense_network(data.features, data.classes, self.settings)

    def learning_rate(self, steps: int, epochs: int) -> Any:
        """The optimizer's learning rate, or a Keras schedule over `epochs` of `steps` each."""
        return self.settings.learning_rate

    def compile(self, model: Any, data: Data, steps: int, epochs: int) -> None:
        """Gives the network its optimizer, loss and metrics."""
        model.compile(
            optimizer=optimizer_of(self.settings, self.learning_rate(steps, epochs)),
            loss="mse" if data.classes is None else "sparse_categorical_crossentropy",
            metrics=["mae"] if data.classes is None else ["accuracy"],
        )

    def training_input(self, data: Data, seed: int) -> dict[str, Any]:
        """What `fit` trains on, as its keyword arguments."""
        x, y = data.train
        return {"x": x, "y": y, "batch_size": self.settings.batch_size}

    def validation_input(self, data: Data, seed: int) -> Any:
        """What `fit` validates on: (x, y), a data set, or None."""
        return data.val

    def callbacks(self, epochs: int) -> list[Any]:
        """Callbacks of the training itself; those that record are added to them."""
        if self.settings.patience is None:
            return []
        early_stopping = import_keras().callbacks.EarlyStopping(
            monitor="val_loss", patience=self.settings.patience, restore_best_weights=True
        )
        return [early_stopping]

    def stages(self, epochs: int) -> Sequence[range]:
        """The epochs of each `fit` of the run; more than one for a resumed run."""
        return (range(epochs),)


def usual_rate(optimizer: str) -> float:
    """The optimizer's usual rate.

    Raises:
        UsageError: there is no such optimizer here.
    """
    if optimizer not in USUAL_RATES:
        names = list(USUAL_RATES)
        hint = did_you_mean(optimizer, names, f"there are {', '.join(names)}")
        raise UsageError(f"there is no optimizer {optimizer!r}", next_step=hint)
    return USUAL_RATES[optimizer]


def with_optimizer(knobs: Knobs, optimizer: str) -> Knobs:
    """The knobs with another optimizer, at a rate as far from its usual one as theirs is."""
    factor = usual_rate(optimizer) / usual_rate(knobs.optimizer)
    return replace(knobs, optimizer=optimizer, learning_rate=knobs.learning_rate * factor)


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
    layers: list[Any] = [keras.Input((features,))]
    for width in knobs.units:
        layers.append(
            keras.layers.Dense(width, activation=knobs.activation, kernel_regularizer=decay, **dense)
        )
        if knobs.dropout:
            layers.append(keras.layers.Dropout(knobs.dropout))
    head = "softmax" if classes is not None else "linear"
    # In half precision a softmax under- and overflows; the head stays exact.
    last = keras.layers.Dense(classes or 1, activation=head, kernel_regularizer=decay, dtype="float32")
    return keras.Sequential([*layers, last])


def optimizer_of(knobs: Knobs, learning_rate: Any) -> Any:
    """The optimizer the knobs name."""
    optimizers = import_keras().optimizers
    if knobs.optimizer == "momentum":
        return optimizers.SGD(learning_rate=learning_rate, momentum=0.9, clipnorm=knobs.clipnorm)
    kinds = {
        "adam": optimizers.Adam,
        "nadam": optimizers.Nadam,
        "rmsprop": optimizers.RMSprop,
        "sgd": optimizers.SGD,
    }
    return kinds[knobs.optimizer](learning_rate=learning_rate, clipnorm=knobs.clipnorm)


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
