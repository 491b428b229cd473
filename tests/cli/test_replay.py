"""``traindiag replay`` as a user types it."""

import json
from pathlib import Path

import pytest

from traindiag.cli.app import run
from traindiag.rules.examples import decay, valley

OVER = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.4, 10, 0.01)}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "over.csv"
    rows = (f"{e},{a!r},{b!r}" for e, (a, b) in enumerate(zip(OVER["loss"], OVER["val_loss"], strict=True)))
    path.write_text("epoch,loss,val_loss\n" + "\n".join(rows) + "\n")
    return path


def test_plain_replay_names_the_first_warning(log, capsys):
    assert run(["replay", str(log)]) == 0
    out = capsys.readouterr().out
    assert "first warning after epoch" in out
    assert "overfitting" in out
    assert max(map(len, out.splitlines())) <= 80


def test_what_if(log, capsys):
    words = [
        "replay",
        str(log),
        "--early-stopping",
        "patience=5",
        "--reduce-lr",
        "patience=2",
        "--cost-per-hour",
        "2",
    ]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "by EarlyStopping" in out
    assert max(map(len, out.splitlines())) <= 80
    assert run([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["stopped_by"] == "EarlyStopping"


def test_advise(log, capsys):
    assert run(["replay", str(log), "--advise"]) == 0
    assert "EarlyStopping('val_loss', patience=" in capsys.readouterr().out
    assert run(["replay", str(log), "--advise", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "traindiag.advice/1"


def test_replay_as_json(log, capsys):
    assert run(["replay", str(log), "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["first_warning"]["code"] == "TD101"


def test_written_again_it_is_the_same_run(log, tmp_path, capsys):
    assert run(["replay", str(log), "--to", str(tmp_path / "again"), "--format", "csv"]) == 0
    assert (tmp_path / "again" / "log.csv").read_text() == log.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--early-stopping", "patince=5"], "did you mean patience"),
        (["--early-stopping", "monitor=val_score"], "mode=max or mode=min"),
        (["--format", "tensorboard"], "--to"),
        (["--advise", "--terminate-on-nan"], "every patience itself"),
        (["--to", "x", "--advise"], "plain replay"),
        (["--advise", "--monitor", "val_los"], "val_loss"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(log, capsys, words, said):
    assert run(["replay", str(log), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_nothing_readable_is_exit_2(tmp_path, capsys):
    assert run(["replay", str(tmp_path / "absent"), "--advise"]) == 2
    assert "no such file" in capsys.readouterr().err
