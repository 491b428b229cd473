"""What recording costs: step time with and without, in interleaved pairs.

    python tests/benchmarks/capture_cost.py [PAIRS]

One model trains alternately with `Recorder`, with `Diagnose` and with neither, on steps of at least 20 ms; the
order within a round changes from round to round. Prints the median ratio of each to the plain step; the bound is
3 %. Ends with 1 if `Recorder` is above it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

STEPS, EPOCHS, BOUND, SHORTEST = 10, 2, 1.03, 0.020


def build() -> tuple[Any, Any, Any]:
    """A model whose steps take some 30 ms on one core, and its data."""
    import keras

    x = np.random.default_rng(0).normal(size=(256 * STEPS, 1024)).astype("float32")
    layers = [keras.layers.Dense(1024, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((1024,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    return model, x, x[:, :1]


def step_time(model: Any, x: Any, y: Any, callbacks: list[Any]) -> float:
    """Seconds a step of one short fit, the whole call included."""
    begin = time.perf_counter()
    model.fit(x, y, batch_size=256, epochs=EPOCHS, verbose=0, shuffle=False, callbacks=callbacks)
    return (time.perf_counter() - begin) / (STEPS * EPOCHS)


def main(pairs: int) -> int:
    """Measures and prints."""
    from traindiag.capture.recorder import Diagnose, Recorder

    model, x, y = build()
    times: dict[str, list[float]] = {"plain": [], "Recorder": [], "Diagnose": []}
    with tempfile.TemporaryDirectory() as folder:
        makers = {
            "plain": list,
            "Recorder": lambda: [Recorder(Path(folder, "recorder"))],
            "Diagnose": lambda: [Diagnose(Path(folder, "diagnose"))],
        }
        for make in makers.values():  # Tracing, and what is imported at first use.
            step_time(model, x, y, make())
        for number in range(pairs):
            for name in list(makers) if number % 2 else reversed(makers):
                times[name].append(step_time(model, x, y, makers[name]()))
    plain = median(times["plain"])
    print(f"plain step: {1e3 * plain:.1f} ms (median of {pairs})")
    if plain < SHORTEST:
        print(f"steps are shorter than {1e3 * SHORTEST:.0f} ms: nothing to conclude")
        return 1
    ratios = {}
    for name in ("Recorder", "Diagnose"):
        each = [mine / its for mine, its in zip(times[name], times["plain"], strict=True)]
        ratios[name] = median(each)
        print(f"{name}: {100 * (ratios[name] - 1):+.2f} % (median of {pairs} pairs)")
    return int(ratios["Recorder"] > BOUND)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
