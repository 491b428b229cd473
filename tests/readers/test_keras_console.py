from __future__ import annotations

import math
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from traindiag.readers.discover import find_runs

LOSS = [1.25, 1.0, 0.5]
VAL_LOSS = [1.5, 1.25, 1.75]


def old_bars(end: str = "\n", validation: bool = True) -> str:
    """Keras 2 in a terminal: bars redrawn after backspaces and carriage returns."""
    text = "Train on 100 samples, validate on 20 samples" + end
    for epoch, (loss, val) in enumerate(zip(LOSS, VAL_LOSS, strict=True), start=1):
        text += f"Epoch {epoch}/3{end}{end}"
        for done in (32, 64, 100):
            bar = "=" * (done // 10) + ">" + "." * (10 - done // 10)
            text += "\b" * 60 + "\r"
            text += f" {done}/100 [{bar}] - ETA: {3 - done // 40}s - loss: {loss + 1 - done / 100:.4f} - acc: 0.5000"
        text += (
            "\b" * 60
            + "\r"
            + f"100/100 [==============================] - 3s 31ms/step - loss: {loss:.4f} - acc: 0.7500"
        )
        text += (f" - val_loss: {val:.4f} - val_acc: 0.5000" if validation else "") + end
    return text


def new_bars(end: str = "\n") -> str:
    """Keras 3 in a terminal: colours, heavy lines, no brackets."""
    text = ""
    for epoch, (loss, val) in enumerate(zip(LOSS, VAL_LOSS, strict=True), start=1):
        text += f"Epoch {epoch}/3{end}"
        for done in (1, 5, 10):
            full, rest = "━" * (2 * done), "━" * (20 - 2 * done)
            text += f"\r\x1b[1m{done:2d}/10\x1b[0m \x1b[32m{full}\x1b[0m\x1b[37m{rest}\x1b[0m"
            text += " \x1b[1m0s\x1b[0m 12ms/step"
            text += f" - accuracy: 0.6250 - loss: {loss + 1 / done:.4f}" + "\b" * 80
        text += f"\r\x1b[1m10/10\x1b[0m \x1b[32m{'━' * 20}\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 24ms/step"
        text += f" - accuracy: 0.7500 - loss: {loss:.4f} - val_accuracy: 0.5000 - val_loss: {val:.4f}"
        text += f" - learning_rate: 1.0000e-04{end}"
    return text


def one_line_epochs(end: str = "\n", prefix: str = "") -> str:
    return "".join(
        f"Epoch {epoch}/3{end}{prefix}67s - loss: {loss:.4f} - acc: 0.7500 - val_loss: {val:.4f} - val_acc: 0.5000{end}"
        for epoch, (loss, val) in enumerate(zip(LOSS, VAL_LOSS, strict=True), start=1)
    )


def check(run, loss=LOSS, val_loss=VAL_LOSS):
    wide = run.wide()
    assert run.source.reader == "keras-console"
    assert wide["loss"].tolist() == loss
    assert wide["val_loss"].tolist() == val_loss
    assert wide.index.tolist() == list(range(len(loss)))
    assert "shifted to 0" in run.source.details["epochs"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", [old_bars, new_bars, one_line_epochs])
def test_every_style_of_progress(read_one, text, end):
    check(read_one("console.txt", text(end)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-be"])
def test_encodings_of_redirected_text(read_one, encoding):
    data = new_bars("\r\n").encode(encoding)
    check(read_one("console.txt", b"\xfe\xff" + data if encoding == "utf-16-be" else data))


def test_bars_redirected_to_a_file_stand_on_lines_of_their_own(read_one):
    check(read_one("nohup.out", new_bars().replace("\r", "\n").replace("\b", "")))


def test_verbose_2_of_newer_versions(read_one):
    check(
        read_one(
            "slurm-17.out", one_line_epochs(prefix="10/10 - ").replace("67s - loss", "67s - 7s/step - loss")
        )
    )


def test_learning_rate_in_the_line(read_one):
    run = read_one("console.txt", new_bars())
    assert run.wide()["learning_rate"].tolist() == [1e-4] * 3


def test_nan_loss(read_one):
    run = read_one("console.txt", one_line_epochs().replace("loss: 0.5000", "loss: nan"))
    assert math.isnan(run.wide()["loss"].iloc[2])


def test_evaluation_and_prediction_after_training_are_no_epoch(read_one):
    bar = " 1/10 [==>...] - ETA: 0s - loss: 9.0000 - acc: 0.1\r"
    bar += "10/10 [====] - 0s 1ms/step - loss: 9.0000 - acc: 0.1000\n"
    check(read_one("console.txt", old_bars() + bar + "Test loss: 9.0\n4/4 [====] - 0s 2ms/step\n"))
    check(read_one("console.txt", new_bars() + bar.replace("10/10", "100/100")))


@pytest.mark.parametrize("noise", [
    "Epoch 00002: val_loss improved from inf to 1.25000, saving model to best.h5\n",
    "Epoch 2: early stopping\n",
    "Restoring model weights from the end of the best epoch: 1.\n",
    "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.0001.\n",
    "WARNING:tensorflow: Callback method `on_train_batch_end` is slow compared to the batch time\n",
    " 45%|████▌     | 45/100 [00:10<00:12,  4.50it/s, loss: 9.0]\n",
    "2024-01-01 12:00:00.000000: I tensorflow/core/platform - loss of precision: 3\n",
])  # fmt: skip
def test_messages_in_between_are_passed_over(read_one, noise):
    lines = one_line_epochs().splitlines(keepends=True)
    check(read_one("console.txt", "".join([*lines[:4], noise, *lines[4:]])))
    check(read_one("console.txt", "".join([*lines[:5], noise, *lines[5:]])))


def test_an_interrupted_last_epoch_is_left_out_and_said(read_one):
    text = (
        old_bars()
        + "Epoch 4/4\n 32/100 [=>...] - ETA: 2s - loss: 0.4000 - acc: 0.8\b\b\r 64/100 [=>.] - ETA: 1s - loss: 0.3"
    )
    run = read_one("console.txt", text)
    check(run)
    assert "epoch 3 never finished" in run.source.details["unfinished"]


def test_killed_during_validation_is_unfinished_too(read_one):
    text = old_bars() + "Epoch 4/3\n100/100 [=====] - 3s 30ms/step - loss: 0.4000 - acc: 0.8000"
    check(read_one("console.txt", text))


def test_runs_without_validation(read_one):
    run = read_one("console.txt", old_bars(validation=False))
    assert run.wide()["loss"].tolist() == LOSS


def test_two_trainings_in_one_file_are_two_runs(write):
    second = one_line_epochs().replace("loss: 1.25", "loss: 1.30")
    found = find_runs([write("console.txt", one_line_epochs() + second)])
    assert [run.name for run in found.runs] == ["console#1", "console#2"]
    assert found.runs[1].wide()["loss"].tolist() == [1.3, 1.0, 0.5]


def test_a_second_fit_of_the_same_model_goes_on(read_one):
    second = (
        one_line_epochs()
        .replace("loss: 1.2500 - acc", "loss: 0.4500 - acc")
        .replace("loss: 1.0000", "loss: 0.4")
    )
    run = read_one("console.txt", one_line_epochs() + second)
    assert run.wide()["loss"].tolist() == [*LOSS, 0.45, 0.4, 0.5]
    assert "shifted by 3" in run.source.details["restarts"]


def test_lines_of_epochs_that_are_not_numbered(read_one):
    text = "".join(
        line for line in one_line_epochs().splitlines(keepends=True) if not line.startswith("Epoch")
    )
    run = read_one("console.txt", text)
    check(run)
    assert "lines counted" in run.source.details["numbering"]


def test_names_with_blanks_slashes_and_digits(read_one):
    text = "Epoch 1/2\n1s - loss: 1.0 - out_a/f1: 0.5 - auc_2: 1e-3\n"
    text += "Epoch 2/2\n1s - loss: 0.5 - out_a/f1: 0.6 - auc_2: 2.5E+1\n"
    run = read_one("console.txt", text)
    assert run.wide()["out_a/f1"].tolist() == [0.5, 0.6]
    assert run.wide()["auc_2"].tolist() == [1e-3, 25.0]


def test_text_without_a_finished_epoch_is_refused(refused):
    assert "no finished epoch" in refused("console.txt", "Epoch 1/5\n 1/10 [>....] - ETA: 9s - loss: 2.3\r")
    refused(
        "traceback.txt", "Traceback (most recent call last):\n  File 'x.py', line 3\nValueError: loss: bad\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 30))
def test_mutated_text_never_fails(tmp_path_factory, seed, count):
    rng = random.Random(seed)
    data = bytearray((old_bars() + new_bars()).encode())
    for _ in range(count):
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
    path = tmp_path_factory.mktemp("console") / "console.txt"
    path.write_bytes(data)
    found = find_runs([path])
    assert not any("reader failed" in each.message for each in found.unreadable)


def test_every_truncation_gives_a_prefix(write):
    text = old_bars()
    for size in range(0, len(text), 7):
        found = find_runs([write("console.txt", text[:size])])
        for run in found.runs:
            wide = run.wide()
            finished = text[:size].count("val_acc: 0.5000")
            assert finished <= len(wide) <= finished + 1
            assert wide["loss"].tolist() == LOSS[: len(wide)]
