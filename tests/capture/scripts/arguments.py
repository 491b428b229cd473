"""A command of its own, with all the callbacks people use."""

import argparse
import os
import sys

import keras
import numpy as np
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TensorBoard

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--out", default="mine")
arguments = parser.parse_args()
os.makedirs(arguments.out, exist_ok=True)

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(400, 20)).astype("float32")
y = (x[:, 0] + 2 * rng.normal(size=400) > 0).astype("int32")
model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(arguments.lr),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
callbacks = [
    TensorBoard(os.path.join(arguments.out, "tb")),
    CSVLogger(os.path.join(arguments.out, "log.csv")),
    ModelCheckpoint(
        os.path.join(arguments.out, "best.weights.h5"), save_best_only=True, save_weights_only=True
    ),
    EarlyStopping(patience=15),
    ReduceLROnPlateau(patience=30, factor=0.5),
]
before = len(callbacks)
history = model.fit(
    x, y, batch_size=32, epochs=arguments.epochs, validation_split=0.5, callbacks=callbacks, verbose=2
)
print(len(callbacks) == before, history is model.history, len(history.epoch))
sys.exit(5)
