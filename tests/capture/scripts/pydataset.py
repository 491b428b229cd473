"""A PyDataset, and a learning rate with which the loss overflows."""

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size, **options):
        super().__init__(**options)
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, index):
        part = slice(index * self.size, (index + 1) * self.size)
        return self.x[part], self.y[part]


keras.utils.set_random_seed(5)
x = np.random.default_rng(5).normal(size=(320, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)

model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(100.0), loss="mean_squared_error")
history = model.fit(
    Batches(x[:256], y[:256], 32), validation_data=Batches(x[256:], y[256:], 32), epochs=12, verbose=0
)
print(np.isfinite(history.history["loss"]).tolist())
