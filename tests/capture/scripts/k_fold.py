"""Cross-validation: a new model for each fold."""

import keras
import numpy as np
from sklearn.model_selection import KFold

x = np.random.default_rng(8).normal(size=(360, 5)).astype("float32")
y = (x[:, 0] - x[:, 1] > 0).astype("int32")

scores = []
for fold, (train, test) in enumerate(KFold(3, shuffle=True, random_state=0).split(x)):
    keras.utils.set_random_seed(fold)
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[train], y[train], batch_size=16, epochs=15, validation_data=(x[test], y[test]), verbose=0)
    scores.append(model.evaluate(x[test], y[test], verbose=0)[1])
    print(f"fold {fold}: {scores[-1]!r}")
print("mean", np.mean(scores))
