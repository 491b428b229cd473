"""Watching a training that another process is running right now."""

import csv
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from traindiag.api import read
from traindiag.replay.follow import Follower
from traindiag.replay.play import play
from traindiag.replay.watcher import Watcher

pytestmark = pytest.mark.keras

SCRIPT = """
import sys, keras, numpy as np
keras.utils.set_random_seed(1)
data = np.random.default_rng(0)
x, y = data.normal(size=(64, 8)).astype("float32"), data.normal(size=(64, 1)).astype("float32")
model = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.01), "mse")
class Break(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 12:
            self.model.optimizer.learning_rate = 1e6
slow = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: __import__("time").sleep(0.1))
model.fit(x, y, validation_split=0.5, epochs=20, verbose=0,
          callbacks=[Break(), keras.callbacks.CSVLogger(sys.argv[1]), slow])
"""


def test_nan_is_told_within_an_epoch_and_as_replay_tells_it(tmp_path: Path):
    pytest.importorskip("keras")
    log = tmp_path / "log.csv"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    training = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(log)], env=environment, stderr=subprocess.DEVNULL
    )
    watcher = Watcher([Follower(str(log))])
    heard = []
    deadline = time.monotonic() + 120
    running = True
    while running and time.monotonic() < deadline:
        running = training.poll() is None  # one more look after the end
        for event in watcher.look(time.monotonic()):
            logged = log.read_text().count("\n") - 2
            heard += [(event.epoch, logged, each.rule) for each in event.change.new]
        time.sleep(0.02)
    assert training.wait() == 0
    with log.open() as file:
        rows = [[float(value) for value in row.values()] for row in csv.DictReader(file)]
    first_bad = next(epoch for epoch, row in enumerate(rows) if not all(map(math.isfinite, row)))

    epoch, logged, _ = next(each for each in heard if each[2] == "non-finite")
    assert epoch == first_bad
    assert logged <= first_bad + 1
    replayed = [(moment.epoch, each.rule) for moment in play(read(log)) for each in moment.change.new]
    assert [(epoch, rule) for epoch, _, rule in heard] == replayed
