"""Scripts as people write them: under ``traindiag run`` they print and end as under Python, and are judged rightly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import traindiag
from traindiag.diagnosis import diagnose_runs

pytestmark = pytest.mark.keras
SCRIPTS = Path(__file__).parent / "scripts"
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "80", "NO_COLOR": "1"}
RUN = [sys.executable, "-c", "from traindiag.cli.app import main; main()", "run", "--out", "logs"]
_SECONDS = re.compile(r"\d+m?s\b(?:/(?:step|epoch))?")
HEALTHY = {"learning", "converged"}

CASES: dict[str, tuple[int, dict[str, tuple[int | None, set[str]]]]] = {
    "arrays": (0, {"fit": (30, HEALTHY), "fit-2": (40, {"overfitting"})}),
    "generator": (0, {"fit": (12, HEALTHY)}),
    "pydataset": (0, {"fit": (12, {"non-finite"})}),
    "tf_data": (0, {"fit": (25, {"stuck-at-chance"})}),
    "custom_train_step": (0, {"fit": (30, HEALTHY)}),
    "train_on_batch": (0, {"loop": (30, {"overfitting"})}),
    "two_fits": (0, {"fit": (20, HEALTHY), "fit-2": (10, {"non-finite"})}),
    "resumed": (0, {"fit": (24, HEALTHY)}),
    "k_fold": (0, dict.fromkeys(("fit", "fit-2", "fit-3"), (15, HEALTHY))),
    "arguments": (5, {"fit": (None, {"overfitting"})}),
    "crash": (1, {"fit": (3, {"too-short"})}),
}
"""Of each script: its exit code, and of each of its runs the epochs (None where it stops early), right verdicts."""
ARGUMENTS = {"arguments": ["--epochs", "80", "--lr", "0.003", "--out", "mine"]}


def both(name: str, folder: Path) -> tuple[Any, Any]:
    """The script under Python alone and under ``traindiag run``, at once: (exit code, output, errors) of each."""
    script = [str(SCRIPTS / f"{name}.py"), *ARGUMENTS.get(name, [])]
    running = []
    for kind, command in (("alone", [sys.executable]), ("run", RUN)):
        (folder / kind).mkdir()
        running.append(
            subprocess.Popen(
                [*command, *script],
                cwd=folder / kind,
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    texts = [process.communicate(timeout=500) for process in running]
    alone, captured = ((p.returncode, out, err) for p, (out, err) in zip(running, texts, strict=True))
    return alone, captured


def told_time(output: bytes) -> str:
    """The output without the seconds that Keras prints."""
    return _SECONDS.sub("", output.decode())


@pytest.mark.parametrize("name", CASES)
def test_a_script(name: str, tmp_path: Path) -> None:
    code, expected = CASES[name]
    alone, captured = both(name, tmp_path)
    assert alone[0] == captured[0] == code, captured[2].decode()
    # The same weights to the last bit, for every script prints what hangs on them.
    assert told_time(captured[1]) == told_time(alone[1]) != ""
    logs = tmp_path / "run" / "logs"
    kept = (logs / "output.console").read_bytes()
    if name == "crash":
        assert captured[1] in kept
        assert b"RuntimeError: the server does not answer" in kept
        assert trace_of(captured[2]) == trace_of(alone[2])
    elif b"Warning" not in captured[2]:
        assert kept == captured[1]
    reports = {run.name: run for run in diagnose_runs(traindiag.read_all(logs).runs).runs}
    found = {run: (report.epochs, report.verdict.rule) for run, report in reports.items()}
    assert found.keys() == expected.keys()
    for run, (epochs, verdicts) in expected.items():
        assert epochs in (None, found[run][0]), found
        assert found[run][1] in verdicts, found
    check_more(name, reports, tmp_path)


def trace_of(errors: bytes) -> str:
    text = errors.decode()
    return text[text.index("Traceback") : text.index("RuntimeError: the server does not answer")]


def check_more(name: str, reports: Mapping[str, Any], folder: Path) -> None:
    """What only one of the scripts shows."""
    if name == "generator":
        assert "input-bound" in {finding.rule for finding in reports["fit"].findings}
    if name == "arguments":
        for kind in ("alone", "run"):
            assert (folder / kind / "mine" / "best.weights.h5").is_file()
        own = [traindiag.read(folder / kind / "mine" / "log.csv").wide() for kind in ("alone", "run")]
        assert own[0].equals(own[1])
        mine = traindiag.read(folder / "run" / "logs" / "fit").wide()
        assert mine["val_loss"].tolist() == pytest.approx(own[1]["val_loss"].tolist(), rel=1e-6)
