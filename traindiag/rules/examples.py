"""Curves for the rules' examples: made by formula with a fixed seed, so that they are the same everywhere."""

from __future__ import annotations

import numpy as np


def decay(
    count: int, start: float, end: float, rate: float = 0.1, noise: float = 0.0, seed: int = 0
) -> list[float]:
    """An exponential fall from `start` towards `end`; `noise` is multiplicative."""
    epoch = np.arange(count)
    return _noisy(end + (start - end) * np.exp(-rate * epoch), noise, seed)


def line(count: int, start: float, end: float, noise: float = 0.0, seed: int = 0) -> list[float]:
    """A straight line; `noise` is multiplicative."""
    return _noisy(np.linspace(start, end, count), noise, seed)


def valley(
    count: int, start: float, best: float, end: float, at: int, noise: float = 0.0, seed: int = 0
) -> list[float]:
    """A fall from `start` to `best` at epoch `at` and a rise to `end` from there."""
    epoch = np.arange(count)
    fall = best + (start - best) * np.exp(-5.0 * epoch / max(at, 1))
    rise = (end - best) * np.clip((epoch - at) / max(count - 1 - at, 1), 0, 1)
    return _noisy(fall + rise, noise, seed)


def zigzag(count: int, level: float, size: float, seed: int = 0) -> list[float]:
    """Swings of random height around a level, up and down in turn."""
    random = np.random.default_rng(seed)
    sign = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    return [float(value) for value in level + sign * size * random.uniform(0.5, 1.5, count)]


def with_values(curve: list[float], values: dict[int, float]) -> list[float]:
    """The curve with some points replaced."""
    return [values.get(index, value) for index, value in enumerate(curve)]


def _noisy(curve: np.ndarray[tuple[int], np.dtype[np.float64]], noise: float, seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    return [float(value) for value in curve * (1 + noise * random.standard_normal(len(curve)))]
