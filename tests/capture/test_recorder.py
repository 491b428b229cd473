"""The callbacks in real trainings: what they record, and that they change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import traindiag

pytestmark = pytest.mark.keras
X = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture
def model(keras: Any) -> Any:
    return small(keras)


def small(keras: Any, **compiled: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.2), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="mse", **compiled)
    return model


def recorder(folder: Path, **options: Any) -> Any:
    from traindiag.capture.recorder import Recorder

    return Recorder(folder, **options)


def facts_in(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return facts


def test_records_what_keras_logs(keras: Any, model: Any, tmp_path: Path) -> None:
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=7, restore_best_weights=True)
    mine = [stop, recorder(tmp_path / "run", facts={"data": "v3"})]
    history = model.fit(
        X, Y, batch_size=16, epochs=4, validation_split=0.25, verbose=0, callbacks=mine
    ).history
    wide = traindiag.read(tmp_path / "run" / "history.csv").wide()
    for name in ("loss", "val_loss"):
        assert wide[name].tolist() == history[name]
    assert wide["learning_rate"].tolist() == pytest.approx([0.05] * 4)
    assert (wide["epoch_time"] > 0).all()
    assert (wide["step_time"] * 5 < wide["epoch_time"]).all()
    facts = facts_in(tmp_path / "run")
    assert (facts["batch_size"], facts["train_samples"], facts["val_samples"]) == (16, 72, 24)
    assert (facts["steps_per_epoch"], facts["epochs_wanted"], facts["epochs"]) == (5, 4, 4)
    assert (facts["seed"], facts["parameters"], facts["data"]) == (3, 5, "v3")
    assert (facts["optimizer"]["name"], facts["optimizer"]["momentum"]) == ("sgd", 0.9)
    assert facts["compile"]["loss"] == "mse"
    [callback] = facts["callbacks"]
    assert callback["class"] == "EarlyStopping"
    assert {"monitor": "val_loss", "patience": 7, "restore_best_weights": True}.items() <= callback[
        "config"
    ].items()
    assert facts["backend"] == keras.backend.backend()
    assert facts["versions"]["keras"] == keras.__version__
    assert facts["complete"] is True


def test_the_rate_of_each_epoch(keras: Any, tmp_path: Path) -> None:
    """First in the list or last, under a scheduler, ReduceLROnPlateau's way, and a schedule of the optimizer."""

    class HalveAfterwards(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)

    def rates(folder: Path, *callbacks: Any, model: Any = None) -> list[float]:
        (model or small(keras)).fit(X, Y, epochs=3, verbose=0, callbacks=list(callbacks))
        return traindiag.read(folder / "history.csv").wide()["learning_rate"].tolist()

    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    for name, other, expected in (
        ("scheduler", scheduler, [0.1, 0.05, 0.1 / 3]),
        ("afterwards", HalveAfterwards(), [0.05, 0.025, 0.0125]),
    ):
        last, first = tmp_path / f"{name}-last", tmp_path / f"{name}-first"
        assert rates(last, other, recorder(last)) == pytest.approx(expected)
        assert rates(first, recorder(first), other) == pytest.approx(expected)
    warm_up = small(keras)
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 9, end_learning_rate=0.09)
    warm_up.compile(optimizer=keras.optimizers.SGD(schedule), loss="mse")
    folder = tmp_path / "schedule"
    assert rates(folder, recorder(folder), model=warm_up) == pytest.approx([0.03, 0.06, 0.09])


def inputs(keras: Any) -> Iterator[tuple[str, dict[str, Any], int | None]]:
    class Sequence(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        batch_size = 24

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            part = slice(index * 24, (index + 1) * 24)
            return X[part], Y[part]

    def endless() -> Iterator[Any]:
        while True:
            yield X[:12], Y[:12]

    yield "arrays", {"x": X, "y": Y}, 32
    yield "dataset", {"x": Sequence()}, 24
    yield "generator", {"x": endless(), "steps_per_epoch": 5}, None
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(96, seed=1).batch(8).map(lambda x, y: (x, y))
    yield "tf.data", {"x": data.prefetch(1)}, 8


def test_every_kind_of_input(keras: Any, tmp_path: Path) -> None:
    for name, given, batch_size in inputs(keras):
        folder = tmp_path / name
        history = small(keras).fit(**given, epochs=2, verbose=0, callbacks=[recorder(folder)]).history
        assert traindiag.read(folder).wide()["loss"].tolist() == pytest.approx(history["loss"], rel=1e-6)
        assert facts_in(folder).get("batch_size") == batch_size, name
        steps = facts_in(folder).get("steps_per_epoch")
        assert steps == {"arrays": 3, "dataset": 4, "generator": 5, "tf.data": 12}[name]


def test_training_is_the_same_with_and_without(keras: Any, tmp_path: Path) -> None:
    from traindiag.capture.recorder import Diagnose

    def weights(*callbacks: Any) -> list[Any]:
        model = small(keras, metrics=["mae"])
        model.fit(X, Y, epochs=3, validation_split=0.2, verbose=0, callbacks=list(callbacks))
        found: list[Any] = model.get_weights()
        return found

    plain = weights()
    for callback in (recorder(tmp_path / "a"), Diagnose(tmp_path / "b")):
        for one, other in zip(plain, weights(callback), strict=True):
            assert np.array_equal(one, other)


def test_two_fits_are_two_runs_and_a_resumed_fit_is_one(model: Any, tmp_path: Path) -> None:
    one = recorder(tmp_path / "run")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[one])
    model.fit(X, Y, epochs=4, initial_epoch=2, verbose=0, callbacks=[one])
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[one])
    found = traindiag.read_all(tmp_path)
    assert {run.name: len(run.wide()) for run in found.runs} == {"run": 4, "run-2": 3}
    assert facts_in(tmp_path / "run")["epochs"] == 4


def test_a_custom_step_and_sparse_validation(keras: Any, tmp_path: Path) -> None:
    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, *arguments: Any) -> Any:
            result = super().train_step(*arguments)
            if isinstance(result, dict):
                return {**result, "twice": 2 * result["loss"]}
            logs, state = result  # JAX
            return {**logs, "twice": 2 * logs["loss"]}, state

    model = Own()
    model.compile(optimizer="adam", loss="mse")
    model.fit(
        X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0, callbacks=[recorder(tmp_path)]
    )
    wide = traindiag.read(tmp_path / "history.csv").wide()
    assert wide["twice"].tolist() == pytest.approx((2 * wide["loss"]).tolist())
    assert wide["val_loss"].notna().tolist() == [False, True, False, True]


class TestNoHarm:
    def test_a_file_where_the_folder_should_be(
        self, model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "run").write_text("mine")
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[recorder(tmp_path / "run" / "a")])
        assert len(history.history["loss"]) == 3
        [line] = capsys.readouterr().err.splitlines()
        assert "the training goes on" in line

    def test_a_full_disk(self, model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """No file may grow beyond some bytes, which is what a full disk or a quota comes to."""
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, before[1]))
        try:
            history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[recorder(tmp_path / "run")])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert len(history.epoch) == 3
        [line] = capsys.readouterr().err.splitlines()
        assert "file too large" in line

    def test_a_folder_without_permission(
        self,
        model: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """What the system says there; the tests may run as a user whom no permission stops."""

        def denied(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", denied)
        assert len(model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder(tmp_path / "run")]).epoch) == 2
        assert "permission denied" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("method", ["_start", "_values"])
    def test_a_failing_hook(
        self, model: Any, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        one = recorder(tmp_path / "run")
        setattr(one, method, lambda *_: 1 / 0)
        assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[one]).epoch) == 3
        [line] = capsys.readouterr().err.splitlines()
        assert "ZeroDivisionError" in line

    def test_ctrl_c_keeps_the_epochs_before(self, keras: Any, model: Any, tmp_path: Path) -> None:
        def interrupt(epoch: int, logs: Any) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

        stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=5, verbose=0, callbacks=[recorder(tmp_path / "run"), stop])
        assert len(traindiag.read(tmp_path / "run").wide()) == 2
        assert facts_in(tmp_path / "run")["complete"] is False


def test_diagnose_tells_once_and_stops(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from traindiag.capture.recorder import Diagnose

    model = small(keras)
    model.compile(optimizer=keras.optimizers.SGD(1e6), loss="mse")
    ill = model.fit(X, Y, epochs=40, verbose=0, callbacks=[Diagnose(tmp_path / "a")])
    assert len(ill.epoch) == 40
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "non-finite (TD201)" in line]) == 1
    assert len(lines) == len({line.split(": ")[2] for line in lines})
    stopping = Diagnose(tmp_path / "b", stop_on={"non-finite", "diverging"})
    model = small(keras)
    model.compile(optimizer=keras.optimizers.SGD(1e6), loss="mse")
    stopped = model.fit(X, Y, epochs=40, verbose=0, callbacks=[stopping])
    assert len(stopped.epoch) < 40
    assert "the training stops here" in capsys.readouterr().err
    assert facts_in(tmp_path / "b")["complete"] is True


def test_one_callback_for_a_loop_over_fits_of_one_epoch(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from traindiag.capture.recorder import Diagnose

    model, one = small(keras), Diagnose(tmp_path / "run", stop_on={"non-finite"})
    model.compile(optimizer=keras.optimizers.SGD(1e6), loss="mse")
    epochs = 0
    while not model.stop_training and epochs < 30:
        model.fit(X, Y, epochs=1, verbose=0, callbacks=[one])
        epochs += 1
    del one
    [line] = [line for line in capsys.readouterr().err.splitlines() if "non-finite (TD201)" in line]
    assert f"epoch {epochs - 1}: " in line
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert traindiag.read(tmp_path / "run" / "history.csv").wide().index.tolist() == list(range(epochs))
    facts = facts_in(tmp_path / "run")
    assert (facts["complete"], facts["epochs"]) == (True, epochs)


def test_single_batches_come_back(keras: Any, tmp_path: Path) -> None:
    """With a rate of zero every epoch sees the same losses: those of each batch by itself."""
    model = small(keras)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    exact = [model.evaluate(X[i : i + 20], Y[i : i + 20], batch_size=20, verbose=0) for i in range(0, 90, 20)]
    plain = keras.Sequential(model.layers[1:])  # Without dropout, whose losses are drawn anew.
    plain.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    options = {"batch_size": 20, "shuffle": False, "epochs": 2, "verbose": 0}
    plain.fit(X[:90], Y[:90], validation_data=(X, Y), callbacks=[recorder(tmp_path / "a")], **options)
    [batches] = [each for each in traindiag.read(tmp_path / "a").series if each.metric == "batch_loss"]
    exact[-1] = model.evaluate(X[80:90], Y[80:90], verbose=0)
    assert batches.value.tolist() == pytest.approx(exact * 2, rel=1e-5)
    assert batches.step.tolist() == list(range(1, 11))


def test_a_step_that_logs_the_loss_of_its_batch_is_taken_at_its_word(keras: Any, tmp_path: Path) -> None:
    class Own(keras.Sequential):  # type: ignore[misc, name-defined]
        count = 0

        def train_step(self, *arguments: Any) -> Any:
            result = super().train_step(*arguments)
            return {"loss": 2.5} if isinstance(result, dict) else ({"loss": 2.5}, result[1])

    model = Own([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[recorder(tmp_path)])
    [batches] = [each for each in traindiag.read(tmp_path).series if each.metric == "batch_loss"]
    assert batches.value.tolist() == [2.5] * 12


def test_threads_train_side_by_side(keras: Any, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    models = [small(keras) for _ in range(3)]

    def train(model: Any) -> Any:
        return model.fit(X, Y, epochs=3, verbose=0, callbacks=[recorder(tmp_path / "run")]).history["loss"]

    with ThreadPoolExecutor(3) as pool:
        losses = list(pool.map(train, models))
    found = [run.wide()["loss"].tolist() for run in traindiag.read_all(tmp_path).runs]
    np.testing.assert_allclose(sorted(found), sorted(losses), rtol=1e-6)


def test_diagnose_judges_as_often_as_half_a_percent_of_the_time_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from traindiag.capture import clock

    now = 0.0
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now))
    for epoch_time, wanted in ((2.0, 300), (0.1, 30)):
        pace, judged = clock.Pace(), 0
        for _ in range(300):
            now += epoch_time
            if pace.is_due():
                judged += 1
                pace.done(0.005)
        assert judged == pytest.approx(wanted, rel=0.1)


def test_diagnose_refuses_an_unknown_rule(tmp_path: Path) -> None:
    from traindiag.capture.recorder import Diagnose
    from traindiag.model.errors import UsageError

    with pytest.raises(UsageError):
        Diagnose(tmp_path, stop_on={"non-finit"})
