"""A loop by hand: train_on_batch over shuffled batches, test_on_batch after each epoch."""

import keras
import numpy as np

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
x = rng.normal(size=(300, 10)).astype("float32")
y = rng.integers(0, 2, size=(300, 1)).astype("float32")
x_train, y_train, x_val, y_val = x[:60], y[:60], x[60:], y[60:]

model = keras.Sequential(
    [
        keras.Input((10,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"])
for epoch in range(30):
    order = rng.permutation(60)
    for begin in range(0, 60, 15):
        part = order[begin : begin + 15]
        loss, accuracy = model.train_on_batch(x_train[part], y_train[part])
    val_loss, val_accuracy = model.test_on_batch(x_val, y_val)
    print(f"epoch {epoch + 1}: {float(loss)!r} {float(val_loss)!r}")
