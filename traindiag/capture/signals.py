"""Signals for which the training step itself has to be asked: gradients, updates, idle units, the batch that broke.

They are opt-in: each step computes a little more, and its function is compiled anew. What the step computes for the
training stays as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.capture.device import import_keras
from traindiag.capture.guard import Guard
from traindiag.capture.taps import Tap
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNALS = ("gradients", "weights", "nan-batch")
MOST_GROUPS = 24
"""Layers are put together into at most this many groups, neighbours first."""
_MOST_UNITS = 1 << 16
_MOST_INPUTS = 8
_MOST_DRAWN = 1 << 15
_STATISTICS = ("min", "max", "mean", "nan", "inf")


def chosen(names: Iterable[str]) -> frozenset[str]:
    """The signals by their names.

    Raises:
        UsageError: there is no such signal.
    """
    wanted = frozenset([names] if isinstance(names, str) else names)
    unknown = sorted(wanted - set(SIGNALS))
    if unknown:
        raise UsageError(
            f"no such signal: {', '.join(unknown)}",
            where="signals",
            next_step=f"choose of {', '.join(SIGNALS)}",
        )
    return wanted


class StepSignals:
    """Changes a model's step so that it tells what it does, until `stop`.

    Args:
        model: built and compiled, before its first step.
        wanted: of `SIGNALS`.
        guard: takes the faults: a step that cannot be asked trains as it would.
    """

    def __init__(self, model: Any, wanted: frozenset[str], guard: Guard) -> None:
        self._model = model
        self._guard = guard
        self._gradients = self._nan_batch = None
        if _replicas(model) > 1:
            return
        with guard:
            if "gradients" in wanted and model.trainable_variables:
                self._gradients = _Gradients(model, guard)
            if "nan-batch" in wanted:
                self._nan_batch = _NanBatch(model, guard)
            if self._gradients or self._nan_batch:
                model.make_train_function(force=True)

    def take(self) -> dict[str, float]:
        """Per-epoch values: norms of gradients, relative updates, shares of idle units."""
        return {} if self._gradients is None else self._gradients.take()

    def bad_batch(self) -> dict[str, Any] | None:
        """The first batch since the last call that was not finite, in its loss or its arrays, and what these hold."""
        return None if self._nan_batch is None else self._nan_batch.take()

    def stop(self) -> None:
        """The step is as it was, and its function is made anew: it must not stay away, a `fit` may be under way."""
        for each in (self._gradients, self._nan_batch):
            if each is not None:
                with self._guard:
                    each.stop()
        if self._gradients or self._nan_batch:
            with self._guard:
                self._model.make_train_function(force=True)
        self._gradients = self._nan_batch = None


def _replicas(model: Any) -> int:
    strategy = getattr(model, "distribute_strategy", None)
    return int(getattr(strategy, "num_replicas_in_sync", 1))


def layer_of(variable: Any) -> str:
    """``sequential/dense/kernel`` -> ``sequential/dense``."""
    path = str(getattr(variable, "path", variable.name))
    return path.rpartition("/")[0] or path


def groups_of(layers: Sequence[str], most: int = MOST_GROUPS) -> dict[str, str]:
    """Layers' names by layer, shortened by what they all begin with, neighbours put together where there are many.

    Args:
        layers: in order, with repetitions.
        most: groups.
    """
    distinct = list(dict.fromkeys(layers))
    parts = [layer.split("/") for layer in distinct]
    shared = 0
    while len(parts) > 1 and all(
        len(each) > shared + 1 and each[shared] == parts[0][shared] for each in parts
    ):
        shared += 1
    short = ["/".join(each[shared:]) for each in parts]
    size = -(-len(distinct) // most)
    names = {}
    for begin in range(0, len(distinct), size):
        members = short[begin : begin + size]
        name = members[0] if len(members) == 1 else f"{members[0]}..{members[-1]}"
        names.update(dict.fromkeys(distinct[begin : begin + size], name))
    return names


class _Gradients:
    """Norms of gradients, and of updates relative to the weights, by groups of layers; units without any gradient.

    A step's figures are added up; each epoch tells their mean. A unit that had no gradient in any step of an epoch
    does not learn: that is what a dead unit is. Norms are those before the optimizer clips.
    """

    def __init__(self, model: Any, guard: Guard) -> None:
        self._guard = guard
        variables = list(model.trainable_variables)
        self._names = groups_of([layer_of(each) for each in variables])
        self._groups = list(dict.fromkeys(self._names.values()))
        self._group_of = {id(each): self._groups.index(self._names[layer_of(each)]) for each in variables}
        self._units = _units(variables)
        count = len(self._groups)
        # Norms, the norm of all, updates, steps.
        self._sums = Tap(np.zeros(2 * count + 2, np.float32), lambda xp, kept, new: kept + new)
        total = sum(size for size, _ in self._units.values())
        self._alive = (
            Tap(np.zeros(total, np.float32), lambda xp, kept, new: xp.maximum(kept, new)) if total else None
        )
        self._optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        apply = self._optimizer.apply

        @functools.wraps(apply)
        def watched(grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            mine = list(
                self._optimizer._trainable_variables if trainable_variables is None else trainable_variables
            )
            before: list[Any] = []
            with guard:
                before = [_value(each) for each in mine]
            result = apply(grads, mine if trainable_variables is not None else None)
            with guard:
                self._put(grads, mine, before)
            return result

        self._optimizer.apply = watched

    def stop(self) -> None:
        vars(self._optimizer).pop("apply", None)

    def _put(self, grads: Sequence[Any], variables: Sequence[Any], before: Sequence[Any]) -> None:
        ops = import_keras().ops
        count = len(self._groups)
        squares: list[Any] = [0.0] * (3 * count)
        for gradient, variable, old in zip(grads, variables, before, strict=True):
            place = self._group_of.get(id(variable))
            if place is None or gradient is None:
                continue
            squares[place] += _square(ops, _dense(gradient))
            squares[count + place] += _square(ops, ops.subtract(_value(variable), old))
            squares[2 * count + place] += _square(ops, old)
        values = [ops.convert_to_tensor(each, dtype="float32") for each in squares]
        norms = ops.sqrt(ops.stack(values[:count]))
        total = ops.sqrt(ops.sum(ops.stack(values[:count])))
        updates = ops.sqrt(ops.stack(values[count : 2 * count]))
        weights = ops.sqrt(ops.stack(values[2 * count :]))
        ratio = updates / ops.maximum(weights, 1e-12)
        one = ops.ones((1,), dtype="float32")
        self._sums.put(ops.concatenate([norms, ops.reshape(total, (1,)), ratio, one]))
        if self._alive is not None:
            self._alive.put(self._awake(ops, grads, variables))

    def _awake(self, ops: Any, grads: Sequence[Any], variables: Sequence[Any]) -> Any:
        """1 for each unit with a gradient in its bias, or in its weights where it has none, else 0; shape (units,).

        A bias has no gradient when its unit never answers; weights may have one still, from weight decay.
        """
        awake: dict[str, Any] = {}
        for gradient, variable in zip(grads, variables, strict=True):
            layer = layer_of(variable)
            if layer not in self._units or gradient is None:
                continue
            size, _ = self._units[layer]
            if variable.shape[-1] == size and (len(variable.shape) == 1 or layer not in awake):
                flat = ops.reshape(ops.cast(ops.not_equal(gradient, 0), "float32"), (-1, size))
                awake[layer] = ops.max(flat, axis=0)
        return ops.concatenate(
            [awake.get(layer, ops.ones((size,), "float32")) for layer, (size, _) in self._units.items()]
        )

    def take(self) -> dict[str, float]:
        sums = self._sums.take().astype(np.float64)
        alive = None if self._alive is None else self._alive.take()
        count, steps = len(self._groups), sums[-1]
        if not steps > 0:
            return {}
        means = sums[:-1] / steps
        values = {"gradient_norm": float(means[count])}
        values |= {
            f"gradient_norm/{name}": float(each)
            for name, each in zip(self._groups, means[:count], strict=True)
        }
        values |= {
            f"update_ratio/{name}": float(each)
            for name, each in zip(self._groups, means[count + 1 :], strict=True)
        }
        # Where a gradient is not finite, zeros beside it tell nothing of the units.
        if alive is None or not np.isfinite(means).all():
            return values
        return values | self._dead(alive)

    def _dead(self, alive: NDArray[np.float32]) -> dict[str, float]:
        """Shares of idle units. Below a layer that passes nothing on no layer has a gradient: those say nothing."""
        shares: dict[str, float] = {}
        begin = 0
        for layer, (size, _) in self._units.items():
            shares[layer] = float(np.mean(alive[begin : begin + size] == 0))
            begin += size
        told: dict[str, float] = {}
        for layer, share in reversed(shares.items()):
            if share == 1.0 and 1.0 in told.values():
                continue
            told[layer] = share
        short = groups_of(list(self._units), most=len(self._units) or 1)
        return {f"dead_fraction/{short[layer]}": told[layer] for layer in shares if layer in told}


def _units(variables: Sequence[Any]) -> dict[str, tuple[int, int]]:
    """(units, parameters) of each layer with a kernel, but for the last one, whose units are the outputs.

    Only as many layers as have `_MOST_UNITS` units together, and no more than `MOST_GROUPS`.
    """
    kernels = [
        each for each in variables if re.search(r"(^|/)kernel$", str(each.path)) and len(each.shape) >= 2
    ]
    found: dict[str, tuple[int, int]] = {}
    total = 0
    for each in kernels[:-1]:
        total += int(each.shape[-1])
        if total > _MOST_UNITS or len(found) == MOST_GROUPS:
            break
        found[layer_of(each)] = (int(each.shape[-1]), int(np.prod(each.shape)))
    return found


def _value(variable: Any) -> Any:
    """A variable's value as a tensor of its own, which the update does not change."""
    ops = import_keras().ops
    return ops.copy(variable.value) if hasattr(variable, "value") else variable


def _dense(gradient: Any) -> Any:
    """The rows of a sparse gradient; an embedding's holds those of its batch."""
    return getattr(gradient, "values", gradient) if hasattr(gradient, "dense_shape") else gradient


def _square(ops: Any, tensor: Any) -> Any:
    return ops.sum(ops.square(ops.cast(tensor, "float32")))


class _NanBatch:
    """The first batch of an epoch whose loss, or one of whose arrays, was not finite, and what the arrays hold."""

    def __init__(self, model: Any, guard: Guard) -> None:
        self._model = model
        self._names: list[str] = []
        # Steps so far, the first bad one (-1), whether its loss was finite, statistics of its arrays.
        width = 3 + _MOST_INPUTS * len(_STATISTICS)
        start = np.zeros(width, np.float32)
        start[1] = -1
        self._tap = Tap(start, _first_bad)
        step = model.train_step

        @functools.wraps(step)
        def watched(*arguments: Any, **options: Any) -> Any:
            result = step(*arguments, **options)
            with guard:
                self._put(result, arguments[-1])
            return result

        model.train_step = watched

    def stop(self) -> None:
        vars(self._model).pop("train_step", None)

    def _put(self, result: Any, data: Any) -> None:
        ops = import_keras().ops
        logs = result if isinstance(result, Mapping) else result[0]
        loss = logs.get("loss", next(iter(logs.values())))
        finite = ops.cast(ops.all(ops.isfinite(loss)), "float32")
        arrays = _arrays(data)[:_MOST_INPUTS]
        self._names = [name for name, _ in arrays]
        told = [_statistics(ops, array) for _, array in arrays]
        clean = ops.cast(ops.equal(sum((each[3] + each[4] for each in told), ops.zeros(())), 0), "float32")
        rest = ops.zeros(((_MOST_INPUTS - len(arrays)) * len(_STATISTICS),), "float32")
        head = ops.stack([ops.stop_gradient(finite * clean), ops.zeros(()), ops.stop_gradient(finite)])
        self._tap.put(ops.concatenate([head, *told, rest]))

    def take(self) -> dict[str, Any] | None:
        kept = self._tap.take()
        if kept[1] < 0:
            return None
        table = kept[3:].reshape(_MOST_INPUTS, len(_STATISTICS))
        return {
            "batch": int(kept[1]),
            "loss_finite": bool(kept[2]),
            "arrays": {
                name: {
                    statistic: int(value) if statistic in ("nan", "inf") else float(value)
                    for statistic, value in zip(_STATISTICS, row, strict=True)
                }
                for name, row in zip(self._names, table, strict=False)
            },
        }


def _first_bad(xp: Any, kept: Any, new: Any) -> Any:
    """`new` begins with whether all is finite; `kept` with the steps so far and the first bad one."""
    now = (new[0] == 0) & (kept[1] < 0)
    steps, batch = kept[0] + 1, xp.where(now, kept[0], kept[1])
    head = xp.stack([steps, batch])
    return xp.concatenate([head, xp.where(now, new[2:], kept[2:])])


def _arrays(data: Any) -> list[tuple[str, Any]]:
    """The numeric arrays of a batch by name: ``x``, ``x/0``, ``y``, ``sample_weight``."""
    if not isinstance(data, (tuple, list)):
        data = (data,)
    found: list[tuple[str, Any]] = []
    for name, part in zip(("x", "y", "sample_weight"), data, strict=False):
        found += _leaves(name, part)
    return [(name, each) for name, each in found if _is_numeric(each)]


def _leaves(name: str, part: Any) -> list[tuple[str, Any]]:
    if isinstance(part, Mapping):
        return [leaf for key, each in part.items() for leaf in _leaves(f"{name}/{key}", each)]
    if isinstance(part, (tuple, list)):
        return [leaf for key, each in enumerate(part) for leaf in _leaves(f"{name}/{key}", each)]
    return [] if part is None else [(name, part)]


def _is_numeric(array: Any) -> bool:
    kind = str(getattr(array, "dtype", "")).lower()
    return any(word in kind for word in ("float", "int", "bool")) and hasattr(array, "shape")


def _statistics(ops: Any, array: Any) -> Any:
    """`_STATISTICS` of an array: smallest, largest and mean of what is finite in it, and how many are not."""
    flat = ops.reshape(ops.cast(array, "float32"), (-1,))
    nan, inf = ops.isnan(flat), ops.isinf(flat)
    good = ops.logical_not(ops.logical_or(nan, inf))
    count = ops.sum(ops.cast(good, "float32"))
    largest = np.float32(np.finfo(np.float32).max)
    values = [
        ops.min(ops.where(good, flat, largest)),
        ops.max(ops.where(good, flat, -largest)),
        ops.sum(ops.where(good, flat, 0.0)) / ops.maximum(count, 1.0),
        ops.sum(ops.cast(nan, "float32")),
        ops.sum(ops.cast(inf, "float32")),
    ]
    return ops.stop_gradient(ops.stack(values))


def weights_of(model: Any) -> tuple[dict[str, float], dict[str, NDArray[Any]]]:
    """Norms of the trainable weights by groups of layers, and the weights themselves by tag of a histogram.

    Of a large array only every so many-th weight is given: tens of thousands draw the same histogram.
    """
    ops = import_keras().ops
    variables = list(model.trainable_variables)
    names = groups_of([layer_of(each) for each in variables])
    squares = dict.fromkeys(names.values(), 0.0)
    arrays = {}
    for variable in variables:
        flat = np.asarray(ops.convert_to_numpy(variable.value), dtype=np.float32).ravel()
        squares[names[layer_of(variable)]] += float(np.dot(flat, flat))
        arrays[f"{variable.path}/histogram"] = flat[:: -(-len(flat) // _MOST_DRAWN) or 1]
    return {f"weight_norm/{name}": square**0.5 for name, square in squares.items()}, arrays
