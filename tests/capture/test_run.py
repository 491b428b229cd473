"""``traindiag run``: scripts behave as they do under Python, and their training is captured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import traindiag

ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "80", "NO_COLOR": "1"}
RUN = [sys.executable, "-c", "from traindiag.cli.app import main; main()", "run"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

START = """
import numpy as np, keras, sys
keras.utils.set_random_seed(1)
x = np.random.normal(size=(64, 4)).astype("float32")
y = x[:, :1]

def make(kind=keras.Sequential):
    model = kind([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model
"""


def done(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )


def both(
    folder: Path, *words: str
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """A script under Python alone and under ``traindiag run``."""
    return done([sys.executable, *words], folder), done([*RUN, "--out", "logs", *words], folder)


class TestAnyScript:
    """Without Keras: these take no time."""

    def test_sees_what_it_would_see(self, tmp_path: Path) -> None:
        (tmp_path / "scripts").mkdir()
        (tmp_path / "scripts" / "queue.py").write_text("mine = 1\n")
        (tmp_path / "scripts" / "a.py").write_text(
            "import sys, os, pickle, queue\n"
            "class Here: pass\n"
            "pickle.loads(pickle.dumps(Here()))\n"
            "print(sys.argv, __name__, __file__, sys.path[0], sys.path[1:], sorted(globals()), queue.mine)\n"
            "print(sys.modules['__main__'].Here is Here, sys.stdin.read(), os.getcwd(), sys.flags)\n"
            "sys.exit(7)\n"
        )
        alone, captured = both(tmp_path, "scripts/a.py", "--out", "-x", "--help", "a b")
        assert alone.stdout.startswith("['scripts/a.py', '--out', '-x', '--help', 'a b'] __main__")
        assert captured.stdout == alone.stdout
        assert captured.returncode == alone.returncode == 7
        assert "nothing was captured" in captured.stderr
        assert not (tmp_path / "logs").exists()

    def test_a_module(self, tmp_path: Path) -> None:
        (tmp_path / "pkg").mkdir()
        (tmp_path / "pkg" / "__init__.py").write_text("")
        (tmp_path / "pkg" / "train.py").write_text(
            "import sys\nprint(sys.argv[1:], __name__, __package__, __spec__.name, sys.path[0])\n"
        )
        alone, captured = both(tmp_path, "-m", "pkg.train", "--epochs", "3")
        assert captured.stdout == alone.stdout != ""
        assert done([*RUN, "-m", "pkg.nothing"], tmp_path).returncode == 1

    @pytest.mark.parametrize(
        "end",
        [
            "raise ValueError('of its own')",
            "try:\n    {}['a']\nexcept KeyError:\n    raise RuntimeError('two at once')",
            "sys.exit('a message')",
            "1 +",
        ],
    )
    def test_ends_as_it_would(self, tmp_path: Path, end: str) -> None:
        (tmp_path / "a.py").write_text(f"import sys, atexit\natexit.register(print, 'bye')\n{end}\n")
        alone, captured = both(tmp_path, "a.py")
        assert captured.returncode == alone.returncode == 1
        assert captured.stdout == alone.stdout
        *shown, last = captured.stderr.splitlines(keepends=True)
        assert "".join(shown) == alone.stderr
        assert "nothing was captured" in last

    @POSIX
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signals_reach_it(self, tmp_path: Path, number: signal.Signals) -> None:
        (tmp_path / "a.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
        with subprocess.Popen(
            [*RUN, "a.py"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.2)
            process.send_signal(number)
            _, talk = process.communicate(timeout=30)
        assert process.returncode == -number
        assert "nothing was captured" in talk

    def test_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("print('goes on')")
        (tmp_path / "logs").write_text("mine")
        captured = done([*RUN, "--out", "logs/a", "a.py"], tmp_path)
        assert (captured.returncode, captured.stdout) == (0, "goes on\n")
        assert captured.stderr == "traindiag: nothing was captured: logs/a cannot be written\n"

    def test_only_what_it_recorded_itself_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "logs" / "fit").mkdir(parents=True)
        (tmp_path / "logs" / "fit" / "run.json").write_text("{}")
        (tmp_path / "a.py").write_text(
            "import pathlib\n"
            "for name, losses in ('fit-2', [3, 2]), ('fit-3', []):\n"
            "    folder = pathlib.Path('logs', name)\n"
            "    folder.mkdir()\n"
            "    folder.joinpath('run.json').write_text('')\n"
            "    rows = ''.join(f'{e},{loss}\\n' for e, loss in enumerate(losses))\n"
            "    if rows: folder.joinpath('history.csv').write_text('epoch,loss\\n' + rows)\n"
        )
        told = done([*RUN, "--out", "logs", "a.py"], tmp_path).stderr
        assert "fit-2  too-short: 2 epochs" in told
        assert "fit-3" not in told
        assert told.endswith("1 run: 1 not judged\nlogs: logs\n")
        again = done([*RUN, "--out", "logs", "-m", "this"], tmp_path)
        assert again.stderr.startswith("traindiag: nothing was captured: no fit")

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["no.py"], "no such script"),
            (["--steps-per-epoch", "0", "a.py"], "steps"),
            (["--signals", "gradient", "a.py"], "no such signal: gradient"),
        ],
    )
    def test_wrong_use_is_one_line(self, tmp_path: Path, words: list[str], told: str) -> None:
        (tmp_path / "a.py").write_text("print('never')")
        wrong = done([*RUN, *words], tmp_path)
        assert wrong.returncode == 2
        [line] = wrong.stderr.splitlines()
        assert told in line


EVERYTHING = (
    START
    + """
import argparse, tensorflow as tf
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
epochs = parser.parse_args().epochs

# fit: the script's own callbacks, in its own list
own = [CSVLogger("own.csv"), EarlyStopping(patience=9), ReduceLROnPlateau(patience=3),
       ModelCheckpoint("best.weights.h5", save_weights_only=True)]
model = make()
history = model.fit(x, y, batch_size=8, epochs=epochs, validation_split=0.25, callbacks=own, verbose=2)
print(len(own), sorted(history.history), history is model.history)

# fit-2: resumed
again = make()
again.fit(x, y, epochs=3, verbose=0)
again.fit(x, y, epochs=6, initial_epoch=3, verbose=0)

# fit-3: a generator; fit-4: a PyDataset; fit-5: tf.data; fit-6: a custom step
def endless():
    while True:
        yield x[:16], y[:16]

class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return x[index * 16:][:16], y[index * 16:][:16]

class Own(keras.Sequential):
    def train_step(self, data):
        return {**super().train_step(data), "mine": 1.5}

make().fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
make().fit(Batches(), epochs=2, verbose=0)
make().fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(16), epochs=2, verbose=0)
make(Own).fit(x, y, epochs=2, verbose=0, callbacks=EarlyStopping("loss"))

# loop: epochs by test_on_batch; loop-2: no epochs
loop = make()
for epoch in range(3):
    for part in (slice(0, 16), slice(16, 64)):
        loop.train_on_batch(x[part], y[part])
    for part in (slice(0, 32), slice(32, 64)):
        loop.test_on_batch(x[part], y[part])
endlessly = make()
for step in range(12):
    endlessly.train_on_batch(x, y, return_dict=True)
endlessly.evaluate(x, y, verbose=0)

for each in (model, again, loop, endlessly):
    print([weight.tolist() for weight in each.get_weights()])
"""
)


@pytest.mark.keras
def test_every_way_to_train(tmp_path: Path) -> None:
    """In one script; that its output stays as it is, test_scripts.py shows."""
    (tmp_path / "a.py").write_text(EVERYTHING)
    captured = done([*RUN, "--out", "logs", "a.py", "--epochs", "6"], tmp_path)
    assert captured.returncode == 0, captured.stderr
    runs = {run.name: run for run in traindiag.read_all(tmp_path / "logs").runs}
    assert {name: len(run.wide()) for name, run in runs.items()} == {
        "fit": 6, "fit-2": 6, "fit-3": 2, "fit-4": 2, "fit-5": 2, "fit-6": 2, "loop": 3, "loop-2": 0,
    }  # fmt: skip
    own = traindiag.read(tmp_path / "own.csv").wide()
    fit = runs["fit"].wide()
    for name in ("loss", "val_loss"):
        assert fit[name].tolist() == pytest.approx(own[name].tolist(), rel=1e-6)
    assert runs["fit-6"].wide()["mine"].tolist() == [1.5, 1.5]
    facts = json.loads((tmp_path / "logs" / "fit" / "run.json").read_text())
    assert facts["batch_size"] == 8
    assert [each["class"] for each in facts["callbacks"]] == [
        "CSVLogger", "EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint",
    ]  # fmt: skip
    steps = [curve for curve in runs["loop-2"].curves() if curve.metric == "loss"]
    assert {(curve.split, len(curve.value)) for curve in steps} == {("train", 12), ("val", 1)}
    assert "8 runs" in captured.stderr


@pytest.mark.keras
def test_keras_2(tmp_path: Path) -> None:
    """As old scripts use it beside today's TensorFlow."""
    pytest.importorskip("tf_keras")
    (tmp_path / "a.py").write_text(
        START.replace("keras, sys", "tf_keras as keras, sys")
        + """
def endless():
    while True:
        yield x[:16], y[:16]

make().fit_generator(endless(), steps_per_epoch=3, epochs=4, verbose=0)
model = make()
for epoch in range(3):
    returned = model.train_on_batch(x, y)
    evaluated = model.evaluate(x, y, verbose=0)
print([returned, evaluated])
"""
    )
    captured = done([*RUN, "--out", "logs", "--signals", "gradients", "a.py"], tmp_path)
    told = [line for line in captured.stderr.splitlines() if line.startswith("traindiag: ")]
    assert told == ["traindiag: warning: signals need Keras 3; they are left out"]
    runs = {run.name: run.wide() for run in traindiag.read_all(tmp_path / "logs").runs}
    assert {name: len(wide) for name, wide in runs.items()} == {"fit": 4, "loop": 3}
    assert {"loss", "learning_rate", "step_time"} <= set(runs["fit"].columns)
    last = runs["loop"].iloc[-1]
    assert [last["loss"], last["val_loss"]] == pytest.approx(json.loads(captured.stdout), rel=1e-6)


CRASH = (
    START
    + """
class Fail(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            {how}

make().fit(x, y, epochs=6, verbose=0, callbacks=[Fail()])
"""
)


@pytest.mark.keras
@POSIX
def test_a_kill_loses_one_epoch_at_most(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CRASH.format(how="import os; os.kill(os.getpid(), 9)"))
    killed = done([*RUN, "--out", "logs", "a.py"], tmp_path)
    assert killed.returncode == -signal.SIGKILL
    for form in ("history.csv", "tb"):
        assert len(traindiag.read(tmp_path / "logs" / "fit" / form).wide()) == 3
    assert len(traindiag.read(tmp_path / "logs" / "fit").wide()) == 3
    assert json.loads((tmp_path / "logs" / "fit" / "history.json").read_text())["epoch"] == [0, 1, 2]
    assert json.loads((tmp_path / "logs" / "fit" / "run.json").read_text())["complete"] is False
    assert "too-short: 3 epochs" in killed.stderr


@pytest.mark.keras
@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_fit(tmp_path: Path, number: signal.Signals) -> None:
    how = "print('ready', flush=True); import time; time.sleep(100)"
    (tmp_path / "a.py").write_text(CRASH.format(how=how))
    with subprocess.Popen(
        [*RUN, "--out", "logs", "--signals", "gradients,nan-batch", "a.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, talk = process.communicate(timeout=120)
    assert process.returncode == -number
    assert "too-short: 3 epochs" in talk
    wide = traindiag.read(tmp_path / "logs" / "fit").wide()
    assert len(wide) == 3
    assert (wide["gradient_norm"] > 0).all()
    assert (tmp_path / "logs" / "output.console").read_text().startswith("ready")
