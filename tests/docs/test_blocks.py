"""Every block of code in the book does what the page says."""

from __future__ import annotations

import ast
import importlib.util
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from book_blocks import DOCS, PAGES, ROOT, Block, Page, lay_out, read_page, run_block

READ = [read_page(path) for path in PAGES]


def runnable(page: Page) -> bool:
    return any(block.runs for block in page.tagged("python"))


def case(page: Page) -> Any:
    marks = [pytest.mark.keras] if "keras" in page.needs else []
    return pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize("page", [case(page) for page in READ if runnable(page)])
def test_python_runs(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for module in page.needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    lay_out(tmp_path, page.logs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in page.tagged("python"):
        if block.runs:
            run_block(block, names, page.name)
    for name, value in names.items():
        if name.startswith("test_"):
            value(request.getfixturevalue("traindiag_report"))


@pytest.mark.parametrize("page", [page for page in READ if page.tagged("python")], ids=lambda page: page.name)
def test_python_that_is_not_run_is_python_all_the_same(page: Page) -> None:
    for block in page.tagged("python"):
        ast.parse(block.code)


@pytest.mark.parametrize(
    "page", [page for page in READ if page.tagged("console")], ids=lambda page: page.name
)
def test_commands_run(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from traindiag.cli.app import run

    lay_out(tmp_path, page.logs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for block in page.tagged("console"):
        for line in commands_of(block) if block.runs else ():
            command, _, ends = line.partition("  # ends with ")
            code = run(shlex.split(command)[1:])
            assert code == int(ends or 0), f"{page.name}: {command}\n{''.join(capsys.readouterr())}"


def commands_of(block: Block) -> list[str]:
    lines = [line.removeprefix("$ ") for line in block.code.splitlines() if line.startswith("$ ")]
    assert lines, "a console block shows a command"
    assert all(line.startswith("traindiag ") for line in lines), "other programs stand in sh blocks"
    return lines


def spoken_commands() -> list[Any]:
    """Every ``traindiag ...`` that a reader may copy: a line of a block, or words between backticks."""
    import re

    in_prose = re.compile(r"`(traindiag [^`\n]+)`")
    in_block = re.compile(r"^ *(?:\$ |- |run: |- run: )?(traindiag [^\n]+)", re.M)
    found = {}
    for page in READ:
        code = "\n".join(
            block.code for block in page.blocks if block.tag in ("console", "sh", "yaml", "{terminal}")
        )
        for command in [*in_prose.findall(page.text), *in_block.findall(code)]:
            words = command.split("  ")[0]
            found[f"{page.name}: {words}"] = words
    assert len(found) > 50, "the pages have lost their commands"
    return [pytest.param(words, id=name) for name, words in found.items()]


@pytest.mark.parametrize("words", spoken_commands())
def test_commands_have_the_options_that_pages_speak_of(words: str) -> None:
    import typer

    from traindiag.cli.app import COMMANDS, build

    tokens = shlex.split(words, comments=True)[1:]
    for stop in ("|", "&&", ">", "2>", ";", "||"):
        tokens = tokens[: tokens.index(stop)] if stop in tokens else tokens
    group: Any = typer.main.get_command(build())
    options = {name for parameter in group.params for name in parameter.opts} | {"--help", "-h"}
    command = next((token for token in tokens if not token.startswith("-")), None)
    if command in COMMANDS:
        options |= {name for parameter in group.commands[command].params for name in parameter.opts}
        if command == "run":
            tokens = tokens[: 1 + next((n for n, t in enumerate(tokens) if t.endswith(".py")), len(tokens))]
    else:
        assert command is None or command.isupper(), f"there is no command {command}"
    unknown = {
        token.partition("=")[0] for token in tokens if token.startswith("-") and token != "-"
    } - options
    assert not unknown


@pytest.mark.parametrize("page", [page for page in READ if page.tagged("toml")], ids=lambda page: page.name)
def test_settings_are_understood(page: Page, tmp_path: Path) -> None:
    from traindiag.config import read_settings

    for block in page.tagged("toml"):
        if "traindiag" in tomllib.loads(block.code).get("tool", {}):
            path = tmp_path / "pyproject.toml"
            path.write_text(block.code, encoding="utf-8")
            read_settings(path)


@pytest.mark.parametrize("page", [page for page in READ if page.tagged("yaml")], ids=lambda page: page.name)
def test_jobs_are_yaml(page: Page) -> None:
    yaml = pytest.importorskip("yaml")
    for block in page.tagged("yaml"):
        assert yaml.safe_load(block.code)


def test_the_gitlab_page_shows_the_job_to_copy() -> None:
    yaml = pytest.importorskip("yaml")
    [shown] = [yaml.safe_load(block.code) for block in read_page(DOCS / "howto" / "gitlab.md").tagged("yaml")]
    to_copy = yaml.safe_load((DOCS / "ci" / "gitlab-ci.yml").read_text(encoding="utf-8"))
    assert shown["check-training"] == to_copy["check-training"]


PLUGIN = """
import sys
from dash_log import DashLog
from flat_start import FlatStart
from verdicts import VerdictsRenderer

import traindiag
from traindiag.diagnosis import diagnose_run
from traindiag.rules.base import all_rules

assert FlatStart in all_rules()
for example in FlatStart.fires_on():
    assert "flat-start" in {each.rule for each in diagnose_run(example.run()).findings}, example.name
for example in FlatStart.silent_on():
    assert "flat-start" not in {each.rule for each in diagnose_run(example.run()).findings}, example.name

report = traindiag.diagnose(traindiag.read("training.log"))
assert report.runs[0].source.reader == "dash-log"
print(traindiag.render(report, "verdicts"))
"""


def test_one_more_rule_reader_and_renderer_work_as_they_stand(tmp_path: Path) -> None:
    files = [block for block in read_page(DOCS / "contributing.md").tagged("python") if not block.runs]
    assert [Path(block.note.removeprefix("file: ")).name for block in files] == [
        "flat_start.py",
        "dash_log.py",
        "verdicts.py",
    ]
    for block in files:
        (tmp_path / Path(block.note).name).write_text(block.code, encoding="utf-8")
    lines = [f"=== epoch {n} === train {2 * 0.8**n:.4f} dev {2.1 * 0.8**n:.4f}" for n in range(20)]
    (tmp_path / "training.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "try_them.py").write_text(PLUGIN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "try_them.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "learning"


def test_the_files_that_contributing_shows_keep_the_house_style(tmp_path: Path) -> None:
    for block in read_page(DOCS / "contributing.md").tagged("python"):
        (tmp_path / Path(block.note).name).write_text(block.code, encoding="utf-8")
    ruff = [str(Path(sys.executable).parent / "ruff"), "check", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_reason_not_to_run_a_block_is_told() -> None:
    notes = [(page.name, block.note) for page in READ for block in page.blocks if block.note]
    known = ("not run: ", "file: ", "needs: ", "main-command", "test-command")
    assert [note for note in notes if not note[1].startswith(known)] == []
