"""A model with a train_step and metrics of its own, as in Keras' guide on customising fit."""

import keras
import numpy as np
import tensorflow as tf


class Regressor(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.out = keras.layers.Dense(1)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae = keras.metrics.MeanAbsoluteError(name="mae")

    def call(self, x):
        return self.out(self.hidden(x))

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae]

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = tf.reduce_mean(tf.square(y - predicted))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        self.mae.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data):
        x, y = data
        predicted = self(x, training=False)
        self.loss_tracker.update_state(tf.reduce_mean(tf.square(y - predicted)))
        self.mae.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


keras.utils.set_random_seed(2)
x = np.random.default_rng(2).normal(size=(500, 4)).astype("float32")
y = np.sin(x[:, :1]) + x[:, 1:2]
model = Regressor()
model.compile(optimizer=keras.optimizers.Adam(0.003))
model.fit(x, y, batch_size=32, epochs=30, validation_split=0.2, verbose=2)
print(repr([float(weight.sum()) for weight in model.get_weights()]))
