from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from traindiag.capture.data import DATA_SETS
from traindiag.capture.scenarios.base import USUAL_RATES, all_scenarios
from traindiag.cli.app import run
from traindiag.cli.train import heeding_interrupts


def test_list_names_every_scenario_without_keras() -> None:
    code = (
        "import sys\nfrom traindiag.cli.app import run\ncode = run(['train', '--list'])\n"
        "assert not {'keras', 'tensorflow', 'sklearn'} & set(sys.modules)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for scenario in all_scenarios():
        assert scenario.name in done.stdout
    for name in (*DATA_SETS, *USUAL_RATES):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["overfiting"], "did you mean overfitting?"),
        (["overfitting", "--epochs", "0"], "--epochs"),
        (["overfitting", "--device", "tpu"], "--device"),
        (["--seed", "3"], "no scenario given"),
        (["overfitting", "--all"], "leave out overfitting, or --all"),
        (["overfitting", "--repeat", "0"], "--repeat"),
        (["overfitting", "--dataset", "moon"], "did you mean moons?"),
        (["overfitting", "--dataset", "diabetes"], "does not work with the data set 'diabetes'"),
        (["diverging", "--optimizer", "adam"], "does not work with the optimizer 'adam'"),
        (["--all", "--dataset", "moon"], "did you mean moons?"),
        (["--all", "--optimizer", "lion"], "there is no optimizer 'lion'"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", *words]) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_full_folder_is_found_before_keras_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    monkeypatch.setitem(sys.modules, "keras", None)
    assert run(["train", "too-short", "--out", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    file = tmp_path / "mine.txt"
    assert run(["train", "too-short", "--out", str(file)]) == 2
    assert "not a folder" in capsys.readouterr().err


@pytest.mark.keras
def test_a_real_training_by_the_command(tmp_path: Path) -> None:
    words = ["train", "too-short", "--out", "run", "--seed", "4", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", f"from traindiag.cli.app import main; main({words!r})"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")},
    )
    assert done.returncode == 0, done.stderr
    # Data on standard output, talk on standard error, and no talk of native libraries.
    assert done.stdout == "run\n"
    first, *others = done.stderr.splitlines()
    assert first.startswith("training too-short (seed 4, 2 epochs) on CPU")
    assert "backend" in first
    assert others[-1] == "next: traindiag analyze run"
    assert len(others) == 2
    assert (tmp_path / "run" / "log.csv").stat().st_size > 0


@pytest.mark.keras
def test_seeds_are_trained_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "train",
        "non-finite-data",
        "--out",
        str(tmp_path),
        "--repeat",
        "2",
        "--seed",
        "5",
        "--epochs",
        "4",
    ]
    assert run([*words, "--optimizer", "sgd", "--dataset", "moons", "--compare"]) == 0
    shown = capsys.readouterr()
    assert [line.split() for line in shown.out.splitlines()] == [
        ["scenario", "expected", "found"],
        ["non-finite-data", "non-finite", "non-finite", "x2", "yes"],
        [],
        ["2", "of", "2", "agree"],
    ]
    assert "1/2 training non-finite-data (seed 5, 4 epochs) on " in shown.err
    for seed in (5, 6):
        facts = json.loads((tmp_path / f"seed-{seed}" / "run.json").read_text())
        assert facts["seed"] == seed
        assert facts["dataset"] == "moons"
        assert facts["optimizer"]["name"] == "sgd"


@pytest.mark.keras
def test_a_disagreement_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two epochs of any scenario are too short: no verdict of an illness can be right."""
    words = ["train", "overfitting", "--out", str(tmp_path / "x"), "--epochs", "2", "--compare"]
    assert run(words) == 1
    shown = capsys.readouterr().out
    assert "too-short" in shown
    assert "0 of 1 agree\ndisagreeing: overfitting (seed 0)\n" in shown


@pytest.mark.keras
def test_mixed_precision_is_recorded_and_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import keras

    words = ["train", "too-short", "--out", str(tmp_path / "x"), "--mixed-precision", "--device", "cpu"]
    assert run(words) == 0
    assert "mixed_bfloat16" in capsys.readouterr().err.splitlines()[0]
    assert json.loads((tmp_path / "x" / "run.json").read_text())["precision"] == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.keras
def test_half_floats_change_neither_the_optimizers_name_nor_its_schedule(tmp_path: Path) -> None:
    """Keras puts an optimizer around it that scales the loss."""
    from traindiag.capture.callbacks import EveryForm
    from traindiag.capture.scenarios.base import scenario_named
    from traindiag.capture.train import fit_scenario

    scenario = scenario_named("warm-up")()
    facts = fit_scenario(scenario, EveryForm(tmp_path), 0, 2, policy="mixed_float16")
    assert facts["precision"] == "mixed_float16"
    assert facts["optimizer"]["name"] == "adam"
    assert facts["learning_rate"] == scenario.settings.learning_rate


@pytest.mark.keras
def test_ctrl_c_tells_what_was_trained_until_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import traindiag.capture.train as module

    train = module.train_scenario

    def interrupted(name: str, folder: Path, *, seed: int, **wanted: Any) -> Any:
        if seed == 2:
            raise KeyboardInterrupt
        return train(name, folder, seed=seed, **wanted)

    monkeypatch.setattr(module, "train_scenario", interrupted)
    assert run(["train", "too-short", "--repeat", "5", "--compare", "--out", str(tmp_path / "logs")]) == 130
    shown = capsys.readouterr()
    assert f"stopped after 2 of 5; what was trained is in {tmp_path / 'logs'}\n" in shown.err
    assert "2 of 2 agree" in shown.out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_is_heeded_where_python_drops_it() -> None:
    class Cleared:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with heeding_interrupts() as heed:
        heed()
        Cleared()
        with pytest.raises(KeyboardInterrupt):
            heed()
    assert signal.getsignal(signal.SIGINT) is before
