"""tf.data all through: shuffle, map, batch, cache, prefetch; labels the inputs say nothing of."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)
x = rng.normal(size=(1200, 5)).astype("float32")
y = rng.integers(0, 10, size=1200)

data = tf.data.Dataset.from_tensor_slices((x, y))
train = (
    data.take(1000)
    .cache()
    .shuffle(1000, seed=1)
    .batch(100)
    .map(lambda a, b: (a, b))
    .prefetch(tf.data.AUTOTUNE)
)
val = data.skip(1000).batch(100)

model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(10, activation="softmax")])
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=val, epochs=25, verbose=2)
print(repr(float(model.get_weights()[0].sum())))
