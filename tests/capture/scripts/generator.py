"""A generator that reads slowly: the model learns, and waits for its data most of the time."""

import time

import keras
import numpy as np

keras.utils.set_random_seed(3)
weights = np.linspace(-1, 1, 6)


def sample(rng, count):
    x = rng.normal(size=(count, 6)).astype("float32")
    return x, (x @ weights + 0.1 * rng.normal(size=count)).astype("float32")


def batches(rng):
    while True:
        time.sleep(0.04)
        yield sample(rng, 32)


model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
val = sample(np.random.default_rng(1), 32)
model.fit(batches(np.random.default_rng(0)), steps_per_epoch=8, epochs=12, validation_data=val, verbose=2)
print(repr([weight.tolist() for weight in model.get_weights()]))
