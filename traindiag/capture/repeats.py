"""Fits of a model that is fitted over and over: one training, not a thousand."""

from __future__ import annotations

import weakref
from typing import Any

MANY = 20
"""So many fits of one model are runs of their own."""


class Repeats:
    """Tells whether a fit goes on with the run of the fit before it.

    It does where both are of one epoch, as in a loop over ``fit(epochs=1)`` or in reinforcement learning, and where
    `MANY` came before. A model that is compiled anew begins anew.
    """

    def __init__(self) -> None:
        self._optimizer: Any = None
        self._fits = 0
        self.is_short = False
        """Whether the last fit was of one epoch."""

    def goes_on(self, model: Any, epochs: int | None) -> bool:
        """To be asked once at the beginning of each fit.

        Args:
            model: the Keras model, compiled.
            epochs: of this fit; None when that is not known.
        """
        optimizer = getattr(model, "optimizer", None)
        is_same = optimizer is not None and self._optimizer is not None and self._optimizer() is optimizer
        was_short, self.is_short = self.is_short, epochs == 1
        self._optimizer = None if optimizer is None else weakref.ref(optimizer)
        self._fits = self._fits + 1 if is_same else 1
        return is_same and ((was_short and self.is_short) or self._fits > MANY)

    @property
    def may_go_on(self) -> bool:
        """Whether another fit like the last one would go on with its run."""
        return self.is_short or self._fits >= MANY
