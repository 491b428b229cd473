"""Sequential and functional models fitted to arrays: one learns an easy task, one learns random labels by heart."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)

x = rng.normal(size=(600, 8)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("int32")

model = keras.Sequential(
    [layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(2, activation="softmax")]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x[:400], y[:400], batch_size=40, epochs=30, validation_data=(x[400:], y[400:]), verbose=2)
print("test accuracy", model.evaluate(x[400:], y[400:], verbose=0)[1])

inputs = layers.Input((8,))
hidden = layers.Dense(128, activation="relu")(inputs)
hidden = layers.Dense(128, activation="relu")(hidden)
outputs = layers.Dense(2, activation="softmax")(hidden)
functional = keras.Model(inputs, outputs)
functional.compile(
    optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
random_labels = rng.integers(0, 2, 600)
history = functional.fit(
    x[:80], random_labels[:80], epochs=40, validation_data=(x[400:], random_labels[400:]), verbose=0
)
print(sorted(history.history), history.history["val_loss"][-1] > history.history["val_loss"][0])
print(repr([float(weight.sum()) for weight in functional.get_weights()]))
