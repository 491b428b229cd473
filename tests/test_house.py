"""The house rules, as tests: style, types and walls are checked by the same command as everything else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_passes(command: list[str]) -> None:
    done = subprocess.run(
        [str(PYTHON / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tracked_texts() -> list[Path]:
    folders = ("traindiag", "tests", "docs", "sample_logs", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("README.md", "pyproject.toml")]
    return [
        path
        for path in files
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".csv", ".j2", ".html")
    ]


def test_top_level_is_fixed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git checkout here")
    top = {line.split("/")[0] for line in done.stdout.splitlines()}
    allowed = {"pyproject.toml", "README.md", "traindiag", "tests", "sample_logs", "docs", "LICENSE"}
    assert {name for name in top if not name.startswith(".")} <= allowed


def test_no_machine_paths_and_no_registry_hosts() -> None:
    forbidden = re.compile(r"/(?:root|home|tmp|work)/[a-z]|files\.pythonhosted|pypi\.org", re.I)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked_texts()
        if path != Path(__file__)
        for match in [forbidden.search(path.read_text(encoding="utf-8", errors="replace"))]
        if match
    ]
    assert not found


def test_keras_is_here_where_it_must_be() -> None:
    """In CI the capture tests may not be skipped."""
    import importlib.util
    import os

    if os.environ.get("TRAINDIAG_REQUIRE_KERAS"):
        assert importlib.util.find_spec("keras") is not None
        assert importlib.util.find_spec("tensorflow") is not None


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "sample_logs" / "README.md"]
    # What the book writes when it is built is checked in the built book (tests/docs).
    built = (ROOT / "docs" / "rules", ROOT / "docs" / "reference")
    pages = [
        page for page in pages if not page.is_relative_to(built[0]) and not page.is_relative_to(built[1])
    ]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken
