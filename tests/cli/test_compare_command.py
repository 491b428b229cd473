"""``traindiag compare`` as a process: groups, exit codes, and one line where something is wrong."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest


def compare(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One run of the command at 80 columns without colour."""
    clean = {key: value for key, value in os.environ.items() if not key.endswith("_COLOR")}
    return subprocess.run(
        [sys.executable, "-c", "from traindiag.cli.app import main; main()", "compare", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=clean | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


def write(path: Path, best: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ["epoch,loss,val_loss,val_accuracy"]
    for epoch in range(40):
        loss = best + 2 * math.exp(-epoch / 4)
        rows.append(f"{epoch},{loss},{loss},{1 / (1 + loss)}")
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for group, level in (("main", 0.5), ("new", 0.6), ("twin", 0.501)):
        for seed in range(4):
            write(tmp_path / group / f"seed-{seed}" / "log.csv", level * (1 + 0.01 * (seed - 1.5)))
    return tmp_path


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    document = json.loads(done.stdout)
    assert document["schema"] == "traindiag.comparison/1"
    return {each["group"]: each["verdict"] for each in document["comparisons"][0]["contrasts"]}


def test_one_group_an_argument(project: Path) -> None:
    done = compare("main", "new/", "twin", "-f", "json", cwd=project)
    assert verdicts(done) == {"new": "regressed", "twin": "same"}
    assert (done.returncode, done.stderr) == (0, "")


def test_one_folder_is_grouped_by_seeds(project: Path) -> None:
    done = compare(".", "-f", "json", "--base", "new", cwd=project)
    assert verdicts(done) == {"main": "improved", "twin": "improved"}


def test_globs_quoted_and_taken_apart_by_the_shell(project: Path) -> None:
    quoted = compare("main/seed-*", "new/seed-*", "-f", "json", cwd=project)
    assert verdicts(quoted) == {"new/seed-*": "regressed"}
    paths = [f"{group}/seed-{seed}" for group in ("main", "new") for seed in range(4)]
    assert verdicts(compare(*paths, "-f", "json", cwd=project)) == {"new": "regressed"}


def test_group_by(project: Path) -> None:
    done = compare(".", "--group-by", "(main|new|twin)", "-f", "json", cwd=project)
    assert set(verdicts(done)) == {"seed-1", "seed-2", "seed-3"}
    assert "no regular expression" in compare(".", "--group-by", "[", cwd=project).stderr


def test_two_single_runs(project: Path) -> None:
    done = compare("main/seed-0", "main/seed-1", "-f", "json", cwd=project)
    assert verdicts(done) == {"main/seed-1": "same"}


def test_text_at_80_columns(project: Path) -> None:
    done = compare("main", "new", "twin", cwd=project)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "✗ new  regressed TD801" in done.stdout
    assert "= twin  same" in done.stdout


def test_several_metrics(project: Path) -> None:
    done = compare("main", "new", "-m", "val_loss", "-m", "val_accuracy", "-f", "json", cwd=project)
    assert [each["metric"] for each in json.loads(done.stdout)["comparisons"]] == ["val_loss", "val_accuracy"]
    assert [each["mode"] for each in json.loads(done.stdout)["comparisons"]] == ["min", "max"]


def test_fail_on_regression(project: Path) -> None:
    worse = compare("main", "new", "--fail-on-regression", cwd=project)
    assert worse.returncode == 1
    assert worse.stderr == "traindiag: compare failed: regressed (TD801): new by val_loss\n"
    same = compare("main", "twin", "--fail-on-regression", cwd=project)
    assert (same.returncode, same.stderr) == (0, "traindiag: compare passed: nothing regressed\n")
    for seed, level in enumerate((0.2, 0.5, 0.8)):
        write(project / "wild" / f"seed-{seed}" / "log.csv", level)
    wild = compare("wild", "main", "--fail-on-regression", cwd=project)
    assert wild.returncode == 2
    assert "too large to tell" in wild.stderr


def test_written_to_a_file(project: Path) -> None:
    done = compare("main", "new", "-o", "report.json", cwd=project)
    assert done.stdout == ""
    assert json.loads((project / "report.json").read_text())["comparisons"][0]["base"] == "main"
    compare("main", "new", "-o", "report.md", cwd=project)
    assert (project / "report.md").read_text(encoding="utf-8").startswith("## traindiag: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["main", "nowhere"], "nowhere: no such file or folder"),
        (["main", "none-*"], "none-*: nothing matches"),
        (["main/seed-1"], "nothing to compare with"),
        (["main", "new", "--metric", "val_los"], "did you mean val_loss?"),
        (["main", "new", "--base", "mian"], "did you mean main?"),
    ],
)
def test_mistakes_are_one_line(project: Path, arguments: list[str], told: str) -> None:
    done = compare(*arguments, cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line


def test_plots_are_written_where_told(project: Path) -> None:
    done = compare("main", "new", "-m", "val_loss", "-m", "val_accuracy", "--plots", "figures", cwd=project)
    assert (done.returncode, done.stderr) == (0, "traindiag: wrote 2 figures to figures\n")
    assert sorted(path.name for path in (project / "figures").iterdir()) == [
        "comparison-val_accuracy.png",
        "comparison-val_loss.png",
    ]
