"""Numbers as a person reads them: few digits, NaN and infinity by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def short(value: float, digits: int = 4) -> str:
    """`value` with `digits` significant digits: ``0.4123``, ``12.35``, ``1.20e+06``, ``NaN``."""
    if not math.isfinite(value):
        return non_finite_name(value)
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 2}e}"


def non_finite_name(value: float) -> str:
    """The JSON string of a number that JSON has no number for."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def json_number(value: float, decimals: int | None = None) -> Any:
    """`value` for JSON: a float, or ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""
    value = float(value)
    if not math.isfinite(value):
        return non_finite_name(value)
    return value if decimals is None else round(value, decimals)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def epochs_text(epochs: Sequence[int]) -> str:
    """``epoch 12`` or ``epochs 17-59``."""
    first, last = epochs[0], epochs[-1]
    return f"epoch {first}" if first == last else f"epochs {first}-{last}"
