"""A stand-in for Keras, so that the page of Python shows the callbacks without loading TensorFlow."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any


class Callback:
    """What the recorders are subclasses of while the book is built."""


def install() -> None:
    """Let ``import keras`` find the stand-in, for the rest of this process."""
    keras: Any = ModuleType("keras")
    keras.callbacks = SimpleNamespace(Callback=Callback)
    sys.modules.setdefault("keras", keras)
