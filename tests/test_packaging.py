"""The wheel and the sdist: what is in them, and that the wheel alone does what it says."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from traindiag import __version__
from traindiag.cli.app import COMMANDS
from traindiag.cli.demo import FACTS, FORMS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TASKS = PROJECT["tool"]["poe"]["tasks"]
MOST_SAMPLES = 200 << 10
"""Bytes of sample logs a wheel may carry."""
BLOCK = """import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names!r} else super().find_spec(name, path, target)


sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
"""A sitecustomize that hides packages: as if no extra was installed."""


def _script(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


SMOKE = _script("wheel_smoke")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = _run(sys.executable, "-m", "hatchling", "build", "-d", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [found] = dist.glob("*.whl")
    return found


def test_checkers_find_no_fault(dist: Path, wheel: Path) -> None:
    for command in (("check_wheel_contents", wheel), ("twine", "check", "--strict", *dist.iterdir())):
        done = _run(sys.executable, "-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_carries_the_package_and_the_samples_of_the_demo(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {each.filename: each.file_size for each in archive.infolist()}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"traindiag", f"traindiag-{__version__}.dist-info"}
    packed = {name: size for name, size in names.items() if name.startswith("traindiag/sample_logs/")}
    wanted = {f"traindiag/sample_logs/{run}/{form}" for run, form in FORMS.items()}
    wanted |= {f"traindiag/sample_logs/{run}/{FACTS}" for run in FORMS}
    assert {re.sub(r"/tb/.*", "/tb", name) for name in packed} == wanted
    assert sum(packed.values()) < MOST_SAMPLES
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "traindiag").rglob("*.py")}
    assert modules <= set(names)


def test_sdist_can_be_tested_by_who_packs_it(dist: Path) -> None:
    [found] = dist.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/test_packaging.py", "docs/CHANGELOG.md"} <= names
    assert {f"sample_logs/{run}/{FACTS}" for run in FORMS} <= names


def test_every_command_has_a_trial() -> None:
    tried = {trial.words.split()[0] for trial in SMOKE.TRIALS}
    assert set(COMMANDS) <= tried, "add a Trial for the new command to tests/benchmarks/wheel_smoke.py"


def test_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    """Unpacked, with the extras hidden; wheel_smoke.py does it with a fresh environment."""
    alone, empty = tmp_path / "alone", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(alone)
    (alone / "sitecustomize.py").write_text(BLOCK.replace("{names!r}", repr(SMOKE.EXTRAS)))
    first = {trial.words.split()[0]: trial for trial in reversed(SMOKE.TRIALS)}
    trials = [trial for trial in SMOKE.TRIALS if first[trial.words.split()[0]] is trial]
    command = [sys.executable, "-c", "from traindiag.cli.app import main; main()"]
    env = SMOKE.plain_environment() | {"PYTHONPATH": str(alone)}
    where = subprocess.run(
        [sys.executable, "-c", "import traindiag; print(traindiag.__file__)"],
        env=env, cwd=empty, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert where.startswith(str(alone))
    assert not SMOKE.try_all(trials, command, empty, env)


def test_version_is_written_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert "version" not in PROJECT["project"]
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in [ROOT / "pyproject.toml", *(ROOT / "traindiag").rglob("*.py")]
        if re.search(rf'^\s*(?:__)?version(?:__)?\s*=\s*"{re.escape(__version__)}"', path.read_text(), re.M)
    ]
    assert holders == ["traindiag/__init__.py"]


@pytest.mark.parametrize("task", ["setup", "test", "lint", "docs", "bench", "demo"])
def test_there_is_a_task_for_each_habit(task: str) -> None:
    assert TASKS[task]["help"]


def test_scripts_that_tasks_name_are_there() -> None:
    named = set(re.findall(r"\btests/\S+\.py", repr(TASKS)))
    assert named
    for script in named:
        ast.parse((ROOT / script).read_text(encoding="utf-8"))


def test_changes_are_told_in_fragments_towncrier_takes() -> None:
    kinds = {each["directory"] for each in PROJECT["tool"]["towncrier"]["type"]}
    fragments = {path for path in (ROOT / "docs" / "changelog").iterdir() if path.name != "README.md"}
    for path in fragments:
        assert re.fullmatch(rf"[\w+-]+\.(?:{'|'.join(kinds)})(?:\.\d+)?\.md", path.name), path.name
        assert path.read_text(encoding="utf-8").strip()
    done = _run(
        sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9", "--date", "2000-01-01"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9.9.9" in done.stdout


def test_pre_commit_hooks_call_what_the_tests_call() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for command in ("ruff format", "ruff check", "mypy", "lint-imports"):
        assert f"entry: {command}" in text
    assert "repo: local" in text
    assert "http" not in text
