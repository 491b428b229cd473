"""Which last layers fit which losses."""

from __future__ import annotations

from dataclasses import dataclass

from traindiag.analysis.keras_model import Head

_CATEGORICAL = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)
_BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
_REGRESSION = frozenset(
    {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "mean_absolute_percentage_error",
     "mean_squared_logarithmic_error"}
)  # fmt: skip
_CLASS = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a head does not fit its loss, and what does.

    Attributes:
        message: what is wrong, as a clause.
        fatal: whether nothing can be learned this way.
        serious: whether it is more than a hint.
        observed, note: the number that shows it and what it is.
        action, change, why, snippet: the remedy.
    """

    message: str
    fatal: bool
    observed: float
    note: str
    action: str
    change: str
    why: str
    snippet: str
    serious: bool = True


def faults_of(head: Head) -> Fault | None:
    """The worst fault of a head; None when it fits, or when too little is known of it."""
    if head.ends_in_dropout:
        return _dropped(head)
    if head.activation is None or head.loss is None:
        return _one_softmax(head) if head.activation == "softmax" and head.units == 1 else None
    if head.loss in _CATEGORICAL:
        return _categorical(head)
    if head.loss in _BINARY:
        return _binary(head)
    if head.loss in _REGRESSION:
        return _regression(head)
    return None


def _width(head: Head) -> float:
    return float(head.units) if head.units is not None else 0.0


def _dropped(head: Head) -> Fault:
    return Fault(
        message=f"the output {head.name} is a dropout layer: in training its answers are set to zero at random",
        fatal=False,
        observed=_width(head),
        note="width of an output that is dropped",
        action="move-dropout",
        change=f"put {head.name} before the last layer",
        why="dropping answers instead of features punishes the network for what it cannot know",
        snippet="keras.layers.Dropout(0.3),\nkeras.layers.Dense(10, activation='softmax'),",
    )


def _one_softmax(head: Head) -> Fault:
    return Fault(
        message=f"{head.name} is a softmax over one unit: it answers 1 whatever comes in",
        fatal=True,
        observed=1.0,
        note="width of a softmax",
        action="sigmoid-head",
        change=f"make {head.name} a sigmoid with binary_crossentropy, or give it one unit a class",
        why="a softmax shares out 1 among its units",
        snippet="keras.layers.Dense(1, activation='sigmoid'),",
    )


def _categorical(head: Head) -> Fault | None:
    if head.units == 1:
        return _one_softmax(head) if head.activation == "softmax" else _one_class(head)
    if head.from_logits:
        return _twice(head, "softmax") if head.activation == "softmax" else None
    if head.activation == "softmax":
        return None
    if head.activation == "sigmoid":
        return _sigmoid_for_softmax(head)
    return _raw(head, "softmax", fatal=head.activation in ("linear", "relu", "tanh"))


def _binary(head: Head) -> Fault | None:
    if head.activation == "softmax":
        if head.units == 1:
            return _one_softmax(head)
        return _binary_softmax(head) if (head.units or 0) > 2 else None
    if head.from_logits:
        return _twice(head, "sigmoid") if head.activation in ("sigmoid", "hard_sigmoid") else None
    if head.activation in ("sigmoid", "hard_sigmoid"):
        return None
    return _raw(head, "sigmoid", fatal=head.activation in ("linear", "relu", "tanh"))


def _regression(head: Head) -> Fault | None:
    if head.activation == "softmax" and head.units == 1:
        return _one_softmax(head)
    if head.activation == "softmax":
        return Fault(
            message=f"{head.name} is a softmax trained with {head.loss}: they add up to 1, its gradient is small",
            fatal=False,
            observed=_width(head),
            note="width of a softmax under a regression loss",
            action="loss-for-softmax",
            change=f"use categorical_crossentropy for classes, or a linear {head.name} for numbers",
            why="a squared error of probabilities hardly punishes an answer that is sure and wrong",
            snippet="model.compile(optimizer='adam', loss='categorical_crossentropy')",
        )
    if head.activation == "relu":
        return Fault(
            message=f"{head.name} ends in relu with {head.loss}: below zero it has no gradient",
            fatal=False,
            serious=False,
            observed=_width(head),
            note="width of a relu output",
            action="linear-head",
            change=f"make {head.name} linear, or softplus where the targets are positive",
            why="an output that once falls below zero for all samples stays there",
            snippet="keras.layers.Dense(1, activation='softplus'),",
        )
    return None


def _one_class(head: Head) -> Fault:
    return Fault(
        message=f"{head.name} has one unit under {head.loss}, which needs one a class: the loss does not depend on it",
        fatal=True,
        observed=1.0,
        note="width of the output",
        action="one-unit-a-class",
        change="use binary_crossentropy with a sigmoid for two classes, or as many units as classes",
        why="over one unit every share is 1 and the loss is constant",
        snippet="keras.layers.Dense(1, activation='sigmoid'),",
    )


def _twice(head: Head, activation: str) -> Fault:
    name = _CLASS[head.loss or ""]
    return Fault(
        message=f"{head.name} ends in {activation} and its loss has from_logits=True: {activation} is applied twice",
        fatal=False,
        observed=2.0,
        note=f"times {activation} is applied",
        action="logits-once",
        change=f"leave from_logits out, or take the {activation} off {head.name}",
        why=f"a {activation} of values between 0 and 1 is nearly even: small gradients, and no answer is ever sure",
        snippet=f"loss = keras.losses.{name}(from_logits=False)",
    )


def _raw(head: Head, activation: str, fatal: bool) -> Fault:
    name = _CLASS[head.loss or ""]
    return Fault(
        message=f"{head.name} ends in {head.activation} and {head.loss} expects probabilities: "
        "its values are clipped to 0..1 and most of them have no gradient",
        fatal=fatal,
        observed=_width(head),
        note=f"width of an output without {activation}",
        action="from-logits",
        change=f"say from_logits=True, or end {head.name} in {activation}"
        + ("" if head.activation == "linear" else f" instead of {head.activation}"),
        why="the logarithm of a clipped value says nothing of how wrong it is",
        snippet=f"loss = keras.losses.{name}(from_logits=True)",
    )


def _sigmoid_for_softmax(head: Head) -> Fault:
    return Fault(
        message=f"{head.name} ends in sigmoid under {head.loss}: its outputs do not add up to 1",
        fatal=False,
        serious=False,
        observed=_width(head),
        note="width of a sigmoid output",
        action="softmax-head",
        change="use softmax for one class of several, or binary_crossentropy for several labels at once",
        why="Keras rescales the outputs to add up to 1, which a network can satisfy by making all of them small",
        snippet="keras.layers.Dense(10, activation='softmax'),",
    )


def _binary_softmax(head: Head) -> Fault:
    return Fault(
        message=f"{head.name} is a softmax of {head.units} under {head.loss}, which counts each unit by itself",
        fatal=False,
        serious=False,
        observed=_width(head),
        note="width of a softmax under a binary loss",
        action="categorical-loss",
        change="use categorical_crossentropy for one class of several, or sigmoid for several labels at once",
        why="the accuracy that Keras then chooses counts each unit, and looks far too good",
        snippet="model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])",
    )
