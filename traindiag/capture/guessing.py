"""What guessing would cost: the loss of the best answer that does not look at the input.

A loss by itself is neither good nor bad; against this one it is. For the squared error it is the variance of the
targets, so that 1 - loss / chance loss is R², the coefficient of determination; for a cross-entropy it is the entropy
of the classes' shares (Murphy, Skill scores based on the mean square error, Monthly Weather Review 116, 1988; Cover and
Thomas, Elements of Information Theory, 2006).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from traindiag.capture.device import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = 1 << 20
"""Targets looked at; of more, evenly spread ones."""
_MEANS = (None, "mean", "sum_over_batch_size")
"""Reductions under which a loss is a mean over samples."""
_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}


def chance_losses(model: Any, train: Any, val: Any) -> dict[str, float] | None:
    """`chance_loss` by split, ``train`` and ``val``; None where the model's loss has no such level.

    With penalties on weights or activities the logged loss is more than that of the answers.

    Args:
        model: a compiled Keras model.
        train, val: targets of the splits; None for what is no array, or is weighted.
    """
    if any(number(penalty) for penalty in model.losses):
        return None
    loss = model.get_compile_config().get("loss")
    levels = {"train": chance_loss(loss, train), "val": chance_loss(loss, val)}
    return {split: level for split, level in levels.items() if level is not None} or None


def chance_loss(loss: Any, targets: Any) -> float | None:
    """The least loss that one constant answer reaches on some targets; None where that is not known.

    Args:
        loss: as `compile` takes it or as Keras serialises it: a name, or class name and config.
        targets: array of numbers, shape (n,) or (n, outputs); classes, or shares of classes, for a cross-entropy.
    """
    import numpy as np

    cost = _COSTS.get(_name_of(loss) or "")
    if cost is None or not hasattr(targets, "shape") or not hasattr(targets, "dtype"):
        return None
    values = np.asarray(targets)
    if values.ndim not in (1, 2) or len(values) == 0 or values.dtype.kind not in "biuf":
        return None
    values = values[:: -(-values.size // _MOST)].astype(np.float64)
    values = values.reshape(len(values), -1)
    return float(cost(values)) if np.isfinite(values).all() else None


def _name_of(loss: Any) -> str | None:
    """``mean_squared_error`` of its name, its short name, its function, its class or a list of one of them."""
    if isinstance(loss, list) and len(loss) == 1:
        return _name_of(loss[0])
    if isinstance(loss, Mapping):
        config = loss.get("config")
        if isinstance(config, Mapping):
            if config.get("reduction") not in _MEANS or config.get("label_smoothing"):
                return None
            config = loss.get("class_name")
        loss = config
    if not isinstance(loss, str):
        return None
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
    return _SHORT.get(snake, snake)


def _squared(targets: NDArray[Any]) -> float:
    return float(targets.var(axis=0).mean())


def _absolute(targets: NDArray[Any]) -> float:
    import numpy as np

    return float(np.abs(targets - np.median(targets, axis=0)).mean())


def _classes(targets: NDArray[Any]) -> float:
    import numpy as np

    return _entropy(np.unique(targets, return_counts=True)[1] / targets.size)


def _one_hot(targets: NDArray[Any]) -> float:
    return _entropy(targets.mean(axis=0))


def _binary(targets: NDArray[Any]) -> float:
    import numpy as np

    ones = targets.mean(axis=0)
    return float(np.mean([_entropy(np.array([one, 1 - one])) for one in ones]))


def _entropy(shares: NDArray[Any]) -> float:
    import numpy as np

    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


_COSTS: dict[str, Callable[[NDArray[Any]], float]] = {
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
    "sparse_categorical_crossentropy": _classes,
    "categorical_crossentropy": _one_hot,
    "binary_crossentropy": _binary,
}
