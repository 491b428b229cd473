"""Epoch values from batch values, on real trainings with an uneven last batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traindiag.analysis.epochs import (
    batch_losses_from_running_means,
    last_per_epoch,
    mean_per_epoch,
)
from traindiag.model.frame import Series
from traindiag.readers.base import LogFile, LoggedRun
from traindiag.readers.tensorboard import TensorBoardReader

pytestmark = pytest.mark.keras

SAMPLES, BATCH, EPOCHS = 70, 16, 3
SIZES = [16, 16, 16, 16, 6]


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(SAMPLES, 4)).astype("float32")
    return x, (x @ rng.normal(size=(4, 1)) + 0.5 * rng.normal(size=(SAMPLES, 1))).astype("float32")


def small_model(keras: Any) -> Any:
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


@pytest.fixture(scope="module")
def fitted(keras: Any, data: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The History of a `fit`, its event files as a run, and the folder."""
    folder = tmp_path_factory.mktemp("tb")
    x, y = data
    board = keras.callbacks.TensorBoard(str(folder), update_freq="batch")
    history = small_model(keras).fit(
        x,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[board],
        validation_data=(x, y),
    )
    return history.history, read(folder), folder


def read(folder: Path) -> LoggedRun:
    reader = TensorBoardReader()
    files = [LogFile(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    (group,) = reader.groups(files)
    (run,) = reader.read(group)
    return run


def series(run: LoggedRun, split: str, metric: str) -> Series:
    (found,) = [each for each in run.series if (each.split, each.metric) == (split, metric)]
    return found


def test_the_reader_gives_what_keras_put_into_its_history(fitted: Any) -> None:
    history, run, _ = fitted
    for split, prefix in (("train", ""), ("val", "val_")):
        for metric in ("loss", "mae"):
            got = series(run, split, metric)
            np.testing.assert_allclose(got.value, history[prefix + metric], rtol=1e-6)
            assert got.epoch is not None
            assert got.epoch.tolist() == list(range(EPOCHS))


def test_batch_events_are_running_means_and_the_last_is_the_epochs_value(fitted: Any) -> None:
    history, run, _ = fitted
    for metric in ("loss", "mae"):
        batch = series(run, "train", f"batch_{metric}")
        assert batch.epoch is not None
        assert batch.epoch.tolist() == [epoch for epoch in range(EPOCHS) for _ in SIZES]
        assert batch.step is not None
        assert batch.step.tolist() == list(range(1, EPOCHS * len(SIZES) + 1))
        value = last_per_epoch(batch.value, batch.epoch)[1]
        np.testing.assert_allclose(value, history[metric], atol=1e-5)
        # The plain average is another number: the difference matters.
        assert np.abs(mean_per_epoch(batch.value, batch.epoch)[1] - history[metric]).max() > 1e-3
    assert run.details["batch values"] == "running means (Keras)"


def test_single_batch_losses_from_the_events_average_to_the_epochs_value(fitted: Any) -> None:
    history, run, _ = fitted
    batch = series(run, "train", "batch_loss")
    for epoch, running in enumerate(batch.value.reshape(EPOCHS, -1)):
        single = batch_losses_from_running_means(running, SIZES)
        _, mean = mean_per_epoch(single, np.zeros(len(SIZES)), SIZES)
        np.testing.assert_allclose(mean, history["loss"][epoch], atol=1e-5)


def test_a_run_killed_before_its_epochs_end_keeps_what_the_batches_tell(fitted: Any, tmp_path: Path) -> None:
    """Without the epoch_loss records, the epoch values come from the batches and validation's iterations."""
    history, _, folder = fitted
    from traindiag.readers.eventfiles.framing import FRAME, HEADER
    from traindiag.readers.eventfiles.pages import pages

    for path in sorted(folder.rglob("*tfevents*")):
        with path.open("rb", buffering=0) as file:
            (page,) = pages([file])  # type: ignore[list-item]
        (region,) = page.regions
        kept = b"".join(
            page.data[start - HEADER : start + length + FRAME - HEADER].tobytes()
            for start, length in zip(region.start.tolist(), region.length.tolist(), strict=True)
            if path.parent.name != "train" or b"epoch_" not in page.data[start : start + length].tobytes()
        )
        target = tmp_path / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(kept)
    run = read(tmp_path)
    for metric in ("loss", "mae"):
        derived = series(run, "train", metric)
        np.testing.assert_allclose(derived.value, history[metric], atol=1e-5)
        assert derived.epoch is not None
        assert derived.epoch.tolist() == list(range(EPOCHS))


def test_raw_losses_of_a_hand_written_loop_average_to_what_fit_logs(
    keras: Any, data: tuple[np.ndarray, np.ndarray], fitted: Any
) -> None:
    """The same batches in the same order: the loop's weighted mean is `fit`'s epoch loss."""
    history, _, _ = fitted
    x, y = data
    model = small_model(keras)
    loss, epoch, size = [], [], []
    for number in range(EPOCHS):
        for begin in range(0, SAMPLES, BATCH):
            part = slice(begin, begin + BATCH)
            # Keras 3.15 resets by itself; with the reset any version returns the loss of one batch.
            model.reset_metrics()
            loss.append(float(model.train_on_batch(x[part], y[part], return_dict=True)["loss"]))
            epoch.append(number)
            size.append(len(x[part]))
    assert size[: len(SIZES)] == SIZES
    epochs, value = mean_per_epoch(loss, epoch, size)
    assert epochs.tolist() == list(range(EPOCHS))
    np.testing.assert_allclose(value, history["loss"], atol=1e-5)
    unweighted = mean_per_epoch(loss, epoch)[1]
    assert np.abs(unweighted - history["loss"]).max() > 1e-4


def test_what_train_on_batch_returns(keras: Any, data: tuple[np.ndarray, np.ndarray]) -> None:
    """Without a reset by hand, the second value tells single losses from running means."""
    x, y = data
    model = small_model(keras)
    model.optimizer.learning_rate = 0.0
    single = [float(model.evaluate(x[p], y[p], batch_size=BATCH, verbose=0)[0]) for p in PARTS]
    model.reset_metrics()
    returned = [float(model.train_on_batch(x[p], y[p], return_dict=True)["loss"]) for p in PARTS]
    running = np.cumsum(single) / np.arange(1, len(single) + 1)
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    as_single, as_running = (
        np.allclose(returned, single, atol=1e-5),
        np.allclose(returned, running, atol=1e-5),
    )
    assert as_single != as_running
    if version >= (3, 15):
        assert as_single
    if as_running:
        back = batch_losses_from_running_means(returned, BATCH)
        np.testing.assert_allclose(back, single, atol=1e-5)


PARTS = [slice(0, BATCH), slice(BATCH, 2 * BATCH), slice(2 * BATCH, 3 * BATCH)]
