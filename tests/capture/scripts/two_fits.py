"""Fine-tuning: a head on a frozen base first, then everything with a learning rate that is far too high."""

import keras
import numpy as np

keras.utils.set_random_seed(9)
x = np.random.default_rng(9).normal(size=(400, 6)).astype("float32")
y = x[:, :1] - 2 * x[:, 1:2]

base = keras.Sequential([keras.Input((6,)), keras.layers.Dense(32, activation="tanh")], name="base")
model = keras.Sequential([base, keras.layers.Dense(1)])

base.trainable = False
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
first = model.fit(x, y, epochs=20, validation_split=0.25, verbose=0)
print("frozen", first.history["loss"][-1] < first.history["loss"][0])

base.trainable = True
model.compile(optimizer=keras.optimizers.SGD(1e8), loss="mse")
second = model.fit(x, y, epochs=10, validation_split=0.25, verbose=0)
print("thawed", np.isfinite(second.history["loss"][-1]))
