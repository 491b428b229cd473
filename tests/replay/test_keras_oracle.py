"""The policies against the real keras.callbacks: equal stop, best and saved epochs, rates and errors."""

import math
import os
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traindiag.model.errors import UsageError
from traindiag.replay.policies.base import Training, float32
from traindiag.replay.policies.checkpoint import ModelCheckpoint
from traindiag.replay.policies.early_stopping import EarlyStopping
from traindiag.replay.policies.monitor import keras_direction
from traindiag.replay.policies.reduce_lr import ReduceLROnPlateau
from traindiag.replay.policies.schedule import Schedule
from traindiag.replay.policies.terminate_on_nan import TerminateOnNaN

pytestmark = pytest.mark.keras
CURVES = 1200
tried = 0

NICE = st.integers(-6, 12).map(lambda n: n / 4)  # ties, and differences that equal min_delta
FINE = st.floats(-3, 3, width=32, allow_subnormal=False)
ODD = st.sampled_from([math.nan, math.inf, -math.inf])
VALUE = st.one_of(NICE, NICE, FINE, ODD)
METRIC = st.sampled_from(["loss", "val_loss", "accuracy", "val_auc_2", "val_mean_io_u"])


@st.composite
def curves(draw):
    """Logs of up to 24 epochs of one metric; some epochs lack it, some runs begin later than epoch 0."""
    name = draw(METRIC)
    values = draw(st.lists(st.one_of(VALUE, VALUE, VALUE, VALUE, st.none()), min_size=1, max_size=24))
    logs = [{"other": 1.0} if value is None else {name: value} for value in values]
    return name, draw(st.sampled_from([0, 0, 0, 3])), logs


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("keras")


class Stub:
    """As much of a model as callbacks touch: weights are the number of the epoch."""

    def __init__(self, keras, rate=0.1):
        from keras.src.trainers.compile_utils import MetricsList

        named = [keras.metrics.BinaryAccuracy(name="accuracy"), keras.metrics.AUC(name="auc_2")]
        self.metrics = [MetricsList([*named, keras.metrics.MeanIoU(2)])]
        self.optimizer = Optimizer(rate)
        self.stop_training = False
        self.weights = None
        self.saved = []

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights

    def save(self, path, overwrite):
        self.saved.append(self.weights)


class Optimizer:
    """A learning rate in single precision, as Keras' variable."""

    def __init__(self, rate):
        self.learning_rate = rate

    def __setattr__(self, name, value):
        object.__setattr__(self, name, float32(value))


@pytest.fixture(scope="module")
def stub(keras):
    return Stub(keras)


def fit(stub, callback, first, logs):
    """What `fit` does around a callback; gives the last epoch and the warnings."""
    stub.optimizer.learning_rate, stub.stop_training, stub.saved, stub.weights = 0.1, False, [], None
    callback.set_model(stub)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback.on_train_begin()
        for epoch, each in enumerate(logs, start=first):
            callback.on_epoch_begin(epoch)
            stub.weights = epoch
            callback.on_batch_end(0, dict(each))
            callback.on_epoch_end(epoch, dict(each))
            if stub.stop_training:
                break
        callback.on_train_end()
    return epoch, bool([w for w in caught if "available" in str(w.message)])


def play(replayed, first, logs):
    training = Training(learning_rate=float32(0.1))
    rates = []
    for epoch, each in enumerate(logs, start=first):
        replayed.epoch_begin(epoch, training)
        replayed.epoch_end(epoch, each, training)
        rates.append(training.learning_rate)
        if training.stop:
            break
    return epoch, training


def many(count):
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=count, deadline=None, suppress_health_check=checks, derandomize=True)


OPTIONS = {
    "mode": st.sampled_from(["auto", "auto", "min", "max"]),
    "min_delta": st.sampled_from([0.0, 0.0, 0.25, -0.25, 1e-4]),
    "patience": st.integers(0, 5),
}


@many(CURVES)
@given(
    curves(),
    st.fixed_dictionaries(
        {
            **OPTIONS,
            "baseline": st.sampled_from([None, None, 0.0, 1.0]),
            "start_from_epoch": st.sampled_from([0, 0, 2, 30]),
            "restore_best_weights": st.booleans(),
        }
    ),
)
def test_early_stopping(keras, stub, curve, options):
    global tried
    tried += 1
    name, first, logs = curve
    real = keras.callbacks.EarlyStopping(monitor=name, **options)
    end, warned = fit(stub, real, first, logs)
    ours = EarlyStopping(monitor=name, **options).start()
    ended, training = play(ours, first, logs)

    assert ended == end
    assert (ours.stopped_epoch or 0) == real.stopped_epoch
    assert (ours.best_epoch or 0) == real.best_epoch
    assert repr(ours.best) == repr(real.best)
    assert bool(training.warnings) == warned
    assert (ended if ours.restored_epoch is None else ours.restored_epoch) == stub.weights


@many(CURVES)
@given(
    curves(),
    st.fixed_dictionaries(
        {
            **OPTIONS,
            "factor": st.sampled_from([0.1, 0.5, 0.3]),
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.2]),
        }
    ),
)
def test_reduce_lr(keras, stub, curve, options):
    global tried
    tried += 1
    name, first, logs = curve
    real = keras.callbacks.ReduceLROnPlateau(monitor=name, **options)
    _, warned = fit(stub, real, first, logs)
    ours = ReduceLROnPlateau(monitor=name, **options).start()
    _, training = play(ours, first, logs)

    assert training.learning_rate == stub.optimizer.learning_rate
    assert (ours.wait, ours.cooldown) == (real.wait, real.cooldown_counter)
    assert repr(ours.best) == repr(real.best)
    assert bool(training.warnings) == warned


@many(CURVES // 3)
@given(curves(), OPTIONS["mode"], st.sampled_from([None, None, 0.5]), st.booleans())
def test_checkpoint(keras, stub, curve, mode, threshold, best_only):
    global tried
    tried += 1
    name, first, logs = curve
    options = {
        "monitor": name,
        "mode": mode,
        "save_best_only": best_only,
        "initial_value_threshold": threshold,
    }
    real = keras.callbacks.ModelCheckpoint("model.keras", **options)
    fit(stub, real, first, logs)
    ours = ModelCheckpoint(**options).start()
    play(ours, first, logs)
    assert ours.saved == stub.saved


@many(CURVES // 6)
@given(st.lists(VALUE, min_size=1, max_size=24))
def test_terminate_on_nan(keras, stub, values):
    global tried
    tried += 1
    logs = [{"loss": value} for value in values]
    end, _ = fit(stub, keras.callbacks.TerminateOnNaN(), 0, logs)
    ours = TerminateOnNaN().start()
    ended, _ = play(ours, 0, logs)
    assert (ended, ours.stopped_epoch is not None) == (end, stub.stop_training)


@many(CURVES // 6)
@given(
    st.builds(
        Schedule,
        kind=st.sampled_from(["constant", "step", "exponential", "cosine", "linear"]),
        lr=st.sampled_from([None, 0.3]),
        drop=st.sampled_from([0.5, 0.9]),
        every=st.integers(1, 7),
        end=st.sampled_from([0.0, 0.01]),
        epochs=st.sampled_from([None, 5, 40]),
        warmup=st.integers(0, 4),
    ),
    st.integers(1, 24),
)
def test_schedule_sets_what_the_scheduler_sets(keras, stub, schedule, length):
    global tried
    tried += 1
    real = keras.callbacks.LearningRateScheduler(lambda epoch, lr: float(schedule.rate(epoch, 0.1, length)))
    fit(stub, real, 0, [{"loss": 1.0}] * length)
    ours = schedule.start(0.1, length)
    _, training = play(ours, 0, [{"loss": 1.0}] * length)
    assert training.learning_rate == stub.optimizer.learning_rate


def test_all_together_as_fit_calls_them(keras):
    """One real `fit` with every callback at once, and the replay of its own log."""
    import numpy as np

    from traindiag.model.convert import run_from_history
    from traindiag.replay.whatif import what_if

    keras.utils.set_random_seed(3)
    data = np.random.default_rng(0)
    x, y = data.normal(size=(64, 8)), data.integers(0, 2, 64)
    model = keras.Sequential(
        [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    stopping = keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True, min_delta=0.001)
    reduce = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2)
    history = model.fit(x, y, validation_split=0.5, epochs=60, verbose=0, callbacks=[reduce, stopping])
    run = run_from_history(history.history)
    outcome = what_if(
        run,
        [
            ReduceLROnPlateau(factor=0.5, patience=2),
            EarlyStopping(patience=6, restore_best_weights=True, min_delta=0.001),
        ],
    )
    rates = history.history["learning_rate"]
    assert outcome.stop_epoch == stopping.stopped_epoch == outcome.epochs[1]
    assert outcome.kept_epoch == stopping.best_epoch
    drops = [epoch - 1 for epoch in range(1, len(rates)) if rates[epoch] != rates[epoch - 1]]
    assert [change.epoch for change in outcome.rates][: len(drops)] == drops
    assert drops
    assert outcome.other_way_from is None


def test_directions_are_those_of_keras_own_metrics(keras):
    """Every metric class of Keras, under its default name."""
    import inspect

    arguments = ({}, {"num_classes": 2}, {"num_classes": 2, "target_class_ids": [0]}, {"recall": 0.5})
    arguments += ({"precision": 0.5}, {"sensitivity": 0.5}, {"specificity": 0.5})
    seen = 0
    for _, metric in inspect.getmembers(keras.metrics, inspect.isclass):
        for each in arguments:
            try:
                made = metric(**each)
            except (TypeError, ValueError, NotImplementedError):
                continue
            seen += 1
            expected = {"up": "max", "down": "min", None: None}[getattr(made, "_direction", None)]
            assert keras_direction(f"val_{made.name}") == expected, made.name
            break
    assert seen > 30


def test_unknown_direction_raises_as_keras_does(keras):
    real = keras.callbacks.EarlyStopping(monitor="val_score")
    real.set_model(Stub(keras))
    real.on_train_begin()
    with pytest.raises(ValueError, match="automatically determine"):
        real.on_epoch_end(0, {"val_score": 1.0})
    with pytest.raises(UsageError, match="mode=max"):
        EarlyStopping(monitor="val_score").start()


def test_number_of_curves(record_property):
    record_property("curves tried against keras.callbacks", tried)
    print(f"\n{tried} random curves tried against keras.callbacks")
