"""A training that goes on from its checkpoint, with initial_epoch."""

import keras
import numpy as np

keras.utils.set_random_seed(6)
x = np.random.default_rng(6).normal(size=(500, 8)).astype("float32")
y = x @ np.arange(8)[:, None] / 8


def build():
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="mse")
    return model


model = build()
model.fit(x, y, epochs=12, validation_split=0.2, verbose=2)
model.save_weights("checkpoint.weights.h5")

again = build()
again.load_weights("checkpoint.weights.h5")
again.fit(x, y, initial_epoch=12, epochs=24, validation_split=0.2, verbose=2)
print(repr(float(again.evaluate(x, y, verbose=0))))
