"""What is not needed is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pandas", "scipy", "matplotlib", "keras", "tensorflow", "tensorboard", "sklearn", "torch", "jinja2")


def _loaded(code: str) -> set[str]:
    """Top-level modules loaded by a script, in a process of its own."""
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_traindiag() -> None:
    assert _loaded("import traindiag").isdisjoint({*HEAVY, "numpy", "rich", "typer"})


@pytest.mark.parametrize("command", ["--help", "--version", "analyze --help", "train --help"])
def test_help(command: str) -> None:
    code = f"from traindiag.cli.app import run\nrun({command.split()!r})"
    assert _loaded(code).isdisjoint({*HEAVY, "numpy"})


@pytest.mark.parametrize("format", ["text", "json"])
def test_analyze(tmp_path: Path, format: str) -> None:
    log = tmp_path / "log.csv"
    rows = (f"{epoch},{0.9**epoch},{0.5 + 0.9**epoch}\n" for epoch in range(30))
    log.write_text("epoch,loss,val_loss\n" + "".join(rows))
    code = f"from traindiag.cli.app import run\nassert run(['analyze', {str(log)!r}, '-f', {format!r}]) == 0"
    loaded = _loaded(code)
    assert loaded.isdisjoint(HEAVY)
    assert "pygments" not in loaded
    assert "traindiag" in loaded
