"""The first minute: sample runs in a folder of one's own, diagnosed, and commands that work when typed."""

from __future__ import annotations

import json
import os
import shlex
import tomllib
from pathlib import Path

import pytest
from test_cli import traindiag

from traindiag.cli import demo

SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The working directory of a demo and what it printed."""
    home = tmp_path_factory.mktemp("home")
    done = traindiag("demo", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    return home, done.stdout


def test_every_run_has_the_verdict_recorded_for_it(shown: tuple[Path, str]) -> None:
    home, _ = shown
    document = json.loads(traindiag("analyze", "traindiag-demo", "-f", "json", cwd=home).stdout)
    verdicts = {run["name"]: run["verdict"]["rule"] for run in document["runs"]}
    expected = {run: tomllib.loads((SAMPLES / run / "expected.toml").read_text()) for run in demo.FORMS}
    assert verdicts == {run: each["verdict"] for run, each in expected.items()}
    assert document["unreadable"] == []
    assert len({run["source"]["reader"] for run in document["runs"]}) >= 5


def test_fits_80_columns_and_names_every_run(shown: tuple[Path, str]) -> None:
    _, text = shown
    code = "early_stopping = ", "keras.layers."  # code to copy is never broken
    prose = [line for line in text.splitlines() if not line.strip().startswith(code)]
    assert max(map(len, prose)) <= 80
    for run in demo.FORMS:
        assert f" {run} " in text


def test_each_command_to_try_next_works(shown: tuple[Path, str]) -> None:
    home, text = shown
    commands = [line.split("$ ")[1] for line in text.splitlines() if line.startswith("  $ ")]
    assert len(commands) == 3
    for command in commands:
        name, *arguments = shlex.split(command)
        done = traindiag(*arguments, cwd=home)
        assert (name, done.returncode, done.stderr) == ("traindiag", 0, "")
    assert "overfitting" in (home / "report.html").read_text(encoding="utf-8")


def test_a_folder_with_a_blank_is_quoted(tmp_path: Path) -> None:
    text = traindiag("demo", "my demo", cwd=tmp_path).stdout
    assert "traindiag analyze 'my demo/diverging'" in text


def test_again_is_the_same_but_a_changed_file_is_kept(tmp_path: Path) -> None:
    first, second = traindiag("demo", cwd=tmp_path), traindiag("demo", cwd=tmp_path)
    assert (first.stdout, first.returncode) == (second.stdout, second.returncode)
    log = tmp_path / "traindiag-demo" / "converged" / "log.csv"
    log.write_text("mine")
    done = traindiag("demo", cwd=tmp_path)
    assert (done.returncode, done.stdout, log.read_text()) == (2, "", "mine")
    assert "converged/log.csv" in done.stderr


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    done = traindiag("demo", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "thesis.tex" in done.stderr
    assert "name a new folder" in done.stderr
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    done = traindiag("demo", "log", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "not a directory" in done.stderr
