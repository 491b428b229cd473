"""Facts that a recorder left beside a run's logs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import traindiag
from traindiag.analysis.signals import Signals
from traindiag.rules.remedies import larger_batch, smaller_batch

ROWS = "epoch,loss,val_loss\n" + "".join(f"{epoch},{0.9**epoch},{0.9**epoch}\n" for epoch in range(12))
FACTS = {
    "schema": "traindiag.run/1",
    "batch_size": 32,
    "callbacks": [{"class": "EarlyStopping", "config": {}}],
}


def params(path: Path) -> dict[str, Any]:
    return dict(traindiag.read(path).params)


def write(folder: Path, text: str) -> Path:
    (folder / "log.csv").write_text(ROWS)
    (folder / "run.json").write_text(text)
    return folder


def test_facts_are_params_of_folder_and_file(tmp_path: Path) -> None:
    write(tmp_path, json.dumps(FACTS))
    expected = {name: value for name, value in FACTS.items() if name != "schema"}
    assert params(tmp_path) == params(tmp_path / "log.csv") == expected


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"batch_size": 32}),
        json.dumps({**FACTS, "schema": "another/1"}),
        json.dumps([FACTS]),
        json.dumps({**FACTS, "more": "x" * 300_000}),
        json.dumps(FACTS)[:-4],
        "[" * 100_000,
        "",
    ],
    ids=["unmarked", "another", "a list", "huge", "broken", "nested", "empty"],
)
def test_other_files_of_that_name_tell_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert params(tmp_path) == {}
    assert params(tmp_path / "log.csv") == {}


def test_two_runs_in_one_folder_get_none(tmp_path: Path) -> None:
    write(tmp_path, json.dumps(FACTS))
    (tmp_path / "other.csv").write_text("epoch,loss\n" + "".join(f"{e},{5 - e / 7}\n" for e in range(9)))
    assert [dict(run.params) for run in traindiag.read_all(tmp_path).runs] == [{}, {}]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(ROWS)
    os.mkfifo(tmp_path / "run.json")
    assert params(tmp_path / "log.csv") == {}


def test_remedies_speak_with_the_runs_numbers() -> None:
    samples = Path(__file__).parents[2] / "sample_logs"
    signals = Signals(traindiag.read(samples / "plateau" / "log.csv"))
    assert smaller_batch(signals).change == "lower the batch size from 32 to 8"
    assert larger_batch(signals).change == "raise the batch size from 32 to 128"
