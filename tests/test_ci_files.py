"""The files of docs/ci work as they stand, and what docs/ci.md shows is right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from traindiag.config import read_settings

DOCS = Path(__file__).parents[1] / "docs"
WELL = "epoch,loss,val_loss\n" + "".join(f"{e},{0.1 + 2 * 0.9**e},{0.15 + 2 * 0.9**e}\n" for e in range(60))
ILL = "epoch,loss,val_loss\n" + "".join(
    f"{e},{0.1 + 2 * 0.9**e},{0.15 + 2 * 0.9**e + max(0, e - 25) * 0.03}\n" for e in range(60)
)


def load(name: str) -> Any:
    return yaml.safe_load((DOCS / "ci" / name).read_text(encoding="utf-8"))


def test_the_settings_shown_are_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "ci.md").read_text(encoding="utf-8"), re.S)
    path = tmp_path / "pyproject.toml"
    path.write_text(block, encoding="utf-8")
    settings = read_settings(path)
    assert len(settings.budgets) == 3
    assert settings.rules["trained-too-long"].options == {"share": 0.6}
    assert settings.for_run("a", str(tmp_path / "logs/experimental/a")).level("overfitting") == "note"


def test_every_key_is_shown() -> None:
    from traindiag.config import settings_text
    from traindiag.settings import Settings

    page = (DOCS / "ci.md").read_text(encoding="utf-8")
    for line in settings_text(Settings()).splitlines()[1:]:
        assert f"\n{line.split(' = ')[0]} = " in page


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder for PATH in which `traindiag` is the one of this Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "traindiag"
    script.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from traindiag.cli.app import main; main()" "$@"\n'
    )
    script.chmod(0o755)
    return folder


@pytest.mark.skipif(shutil.which("bash") is None, reason="the action's script needs bash")
@pytest.mark.parametrize(("log", "code"), [(WELL, 0), (ILL, 1), ("epoch,loss\n0,1\n1,0.5\n", 2)])
def test_the_github_action_s_script(tmp_path: Path, commands: Path, log: str, code: int) -> None:
    step = load("action.yml")["runs"]["steps"][-1]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_text(log)
    given = {"PATHS": "logs", "FAIL_ON": "warning", "ARGUMENTS": "--isolated", "SARIF": "report.sarif"}
    assert set(step["env"]) == set(given)
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env=dict(os.environ) | given | files | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "output").read_text() == f"code={code}\n"
    assert ("::error" in done.stdout) == (code == 1)
    assert (tmp_path / "summary").read_text().startswith("#")
    assert '"2.1.0"' in (tmp_path / "report.sarif").read_text()


def test_the_github_action_pastes_no_input_into_a_script() -> None:
    for step in load("action.yml")["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_other_files_run_the_gate() -> None:
    (hook,) = load("pre-commit-hooks.yaml")
    assert hook["entry"] == "traindiag check"
    assert re.search(hook["files"], "logs/run/events.out.tfevents.1.host.v2")
    job = load("gitlab-ci.yml")["check-training"]
    assert job["script"][-1].startswith("traindiag check ")
    assert job["artifacts"]["reports"]["junit"] == job["artifacts"]["paths"][0]
