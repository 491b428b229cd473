"""Numbers out of a training step, on every backend, without making it wait.

A step is compiled by TensorFlow and JAX: nothing in it can be seen from outside but what leaves it. A tap keeps a small
array that each step changes by a rule, and gives it when the epoch is over: on TensorFlow a variable of the graph, on
PyTorch a tensor on the device, on JAX an array of the host's, which a callback out of the compiled step changes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.capture.device import import_keras

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rule = Callable[[Any, Any, Any], Any]
"""(namespace, kept, new) -> kept; the namespace is numpy or `keras.ops`, the arrays have one shape."""


class Tap:
    """One array, float32, of one dimension.

    Args:
        start: what it holds before the first step of an epoch, shape (n,).
        rule: how a step changes it.
    """

    def __init__(self, start: NDArray[np.float32], rule: Rule) -> None:
        self._start = start.astype(np.float32)
        self._rule = rule
        self._backend = str(import_keras().backend.backend())
        self._kept: Any = self._start.copy()
        if self._backend == "tensorflow":
            tf = import_module("tensorflow")
            with tf.init_scope():
                self._kept = tf.Variable(self._start, trainable=False)

    def put(self, new: Any) -> None:
        """Called inside the step.

        Args:
            new: a tensor of shape (n,), float32.
        """
        if self._backend == "jax":
            import_module("jax").debug.callback(self._change, new)
            return
        ops = import_keras().ops
        if self._backend == "tensorflow":
            self._kept.assign(self._rule(ops, self._kept.value(), new))
        else:
            with import_module("torch").no_grad():
                self._kept = self._rule(ops, ops.convert_to_tensor(self._kept), new)

    def _change(self, new: Any) -> None:
        self._kept = self._rule(np, self._kept, np.asarray(new))

    def take(self) -> NDArray[np.float32]:
        """What it holds now, shape (n,); it begins anew."""
        if self._backend == "tensorflow":
            kept = np.array(self._kept.numpy())
            self._kept.assign(self._start)
            return kept
        if self._backend == "jax":
            import_module("jax").effects_barrier()
        kept = np.array(import_keras().ops.convert_to_numpy(self._kept), dtype=np.float32)
        self._kept = self._start.copy()
        return kept
