"""What recording costs: step time with and without, in interleaved pairs.

    python tests/benchmarks/capture_cost.py [PAIRS]
    python tests/benchmarks/capture_cost.py --hooks [EPOCHS]

One model trains alternately with `Recorder`, with `Diagnose`, with each opt-in signal and with nothing, on steps of
at least 20 ms; the order within a round changes from round to round. Prints the median ratio of each to the plain
step; the bound for `Recorder` and `Diagnose` is 3 %, and the script ends with 1 if one of them is above it. What is
compiled anew for a signal is left out: each fit of the measure begins behind its first epoch.

With ``--hooks`` no model trains: the callbacks are called as Keras calls them, for so many epochs of one batch, and
the milliseconds that an epoch costs are printed, for histories that grow long.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

STEPS, EPOCHS, BOUND, SHORTEST = 10, 4, 1.03, 0.020


def build() -> tuple[Any, Any, Any]:
    """A model whose steps take some 30 ms on one core, and its data."""
    import keras

    x = np.random.default_rng(0).normal(size=(256 * STEPS, 1024)).astype("float32")
    layers = [keras.layers.Dense(1024, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((1024,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    return model, x, x[:, :1]


def step_time(model: Any, x: Any, y: Any, callbacks: list[Any]) -> float:
    """Seconds a step of a short fit, from the end of its first epoch to its return."""
    import keras

    # A model that is fitted over and over is one ever longer run; what is measured is a run by itself.
    model.compile(optimizer="adam", loss="mse")
    ends: list[float] = []
    first = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    model.fit(
        x, y, batch_size=256, epochs=EPOCHS + 1, verbose=0, shuffle=False, callbacks=[*callbacks, first]
    )
    return (time.perf_counter() - ends[0]) / (STEPS * EPOCHS)


def pairs(count: int) -> int:
    """Measures and prints."""
    from traindiag.capture.recorder import Diagnose, Recorder
    from traindiag.capture.signals import SIGNALS

    model, x, y = build()
    with tempfile.TemporaryDirectory() as folder:
        makers: dict[str, Any] = {
            "plain": list,
            "Recorder": lambda: [Recorder(Path(folder, "recorder"))],
            "Diagnose": lambda: [Diagnose(Path(folder, "diagnose"))],
        }
        for name in SIGNALS:
            makers[f"signal {name}"] = lambda name=name: [Recorder(Path(folder, name), signals=[name])]
        makers["all signals"] = lambda: [Recorder(Path(folder, "all"), signals=SIGNALS)]
        times: dict[str, list[float]] = {name: [] for name in makers}
        for make in makers.values():  # Tracing, and what is imported at first use.
            step_time(model, x, y, make())
        for number in range(count):
            for name in list(makers) if number % 2 else reversed(makers):
                times[name].append(step_time(model, x, y, makers[name]()))
    return told(times.pop("plain"), times, count)


def told(without: list[float], times: dict[str, list[float]], count: int) -> int:
    """Prints the ratios; 1 if one is above its bound or the steps were too short to tell."""
    plain = median(without)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"plain step: {1e3 * plain:.1f} ms (median of {count}, load {load:.1f}, {os.cpu_count()} cores)")
    if plain < SHORTEST:
        print(f"steps are shorter than {1e3 * SHORTEST:.0f} ms: nothing to conclude")
        return 1
    above = []
    for name, mine in times.items():
        ratio = median(one / other for one, other in zip(mine, without, strict=True))
        print(f"{name}: {100 * (ratio - 1):+.2f} %")
        above += [name] if name in ("Recorder", "Diagnose") and ratio > BOUND else []
    return int(bool(above))


class Untrained:
    """As much of a model as the callbacks need where nothing is trained."""

    metrics: tuple[Any, ...] = ()
    optimizer = None
    stop_training = False


def hooks(epochs: int) -> int:
    """Milliseconds an epoch of the callbacks' own work."""
    from traindiag.capture.recorder import Diagnose, Recorder

    random = np.random.default_rng(0)
    for kind in (Recorder, Diagnose):
        with tempfile.TemporaryDirectory() as folder:
            callback = kind(Path(folder, "run"))
            callback.set_model(Untrained())
            callback.set_params({"epochs": epochs, "steps": 1})
            begin = time.perf_counter()
            callback.on_train_begin()
            for epoch in range(epochs):
                loss = float(2 * np.exp(-5 * epoch / epochs) + 0.1 + random.normal(0, 0.01))
                logs = {"loss": loss, "val_loss": loss + 0.1, "accuracy": 0.5 + 0.4 * epoch / epochs}
                callback.on_epoch_begin(epoch)
                callback.on_train_batch_begin(0)
                callback.on_train_batch_end(0, {"loss": loss})
                callback.on_epoch_end(epoch, logs | {"val_accuracy": 0.4 + 0.4 * epoch / epochs})
            callback.on_train_end()
            seconds = time.perf_counter() - begin
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(
            f"{kind.__name__}, {epochs:,} epochs: {1e3 * seconds / epochs:.2f} ms an epoch, {size / 1e6:.1f} MB"
        )
    return 0


if __name__ == "__main__":
    number = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else 0
    sys.exit(hooks(number or 10_000) if "--hooks" in sys.argv else pairs(number or 20))
