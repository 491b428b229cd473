"""The command line as a process: exit codes, what goes to which stream, and help."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

COMMANDS = ("demo", "analyze", "plot", "train", "rules", "explain", "readers")


def traindiag(
    *arguments: str | Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """One run of the command, at 80 columns and without colour unless `env` says otherwise."""
    clean = {key: value for key, value in os.environ.items() if not key.endswith("_COLOR")}
    return subprocess.run(
        [sys.executable, "-c", "from traindiag.cli.app import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        input=stdin,
        cwd=cwd,
        preexec_fn=before,
        env=clean | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | (env or {}),
        check=False,
    )


def _csv(path: Path, val: list[float] | None = None) -> Path:
    """A CSVLogger file: a run that overfits, or whose validation loss is `val`."""
    epochs = range(len(val) if val else 60)
    rows = ["epoch,loss,val_loss"]
    for epoch in epochs:
        rising = 0.5 + 1.5 * 0.8**epoch + max(0, epoch - 15) * 0.03
        rows.append(f"{epoch},{2 * 0.93**epoch + 0.02},{val[epoch] if val else rising}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return _csv(tmp_path / "overfit.csv")


def _error(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error, with nothing on standard output."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("traindiag: error: ")
    return line


def test_analyze_tells_verdict_evidence_and_remedy(log: Path) -> None:
    done = traindiag("analyze", log)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "overfitting TD101, error" in done.stdout
    assert "EarlyStopping" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 run: 1 ill"


def test_json_goes_to_stdout_alone(log: Path) -> None:
    done = traindiag("analyze", log, "--format", "json")
    assert json.loads(done.stdout)["runs"][0]["verdict"]["rule"] == "overfitting"
    assert done.stderr == ""


def test_same_input_same_bytes(log: Path) -> None:
    assert traindiag("analyze", log, "-f", "json").stdout == traindiag("analyze", log, "-f", "json").stdout


def test_suffix_picks_the_format(log: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert traindiag("analyze", log, "-o", report).stdout == ""
    assert json.loads(report.read_text())["schema"] == "traindiag.report/1"


def test_unknown_suffix_and_unwritable_file(log: Path, tmp_path: Path) -> None:
    done = traindiag("analyze", log, "-o", tmp_path / "report.docx")
    assert done.returncode == 2
    assert ".json" in _error(done)
    done = traindiag("analyze", log, "-o", tmp_path / "no" / "report.json")
    assert done.returncode == 2
    assert "no such folder" in _error(done)


@pytest.mark.parametrize(("level", "code"), [("error", 1), ("warning", 1), ("note", 1)])
def test_fail_on_is_met(log: Path, level: str, code: int) -> None:
    assert traindiag("analyze", log, "--fail-on", level).returncode == code


def test_fail_on_is_not_met_by_a_healthy_run(tmp_path: Path) -> None:
    val = [0.1 + 2 * 0.93**epoch for epoch in range(60)]
    done = traindiag("analyze", _csv(tmp_path / "good.csv", val), "--fail-on", "note")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("words.csv", b"name,colour\nanna,red\nbert,blue\n"),
        ("noise.dat", bytes(range(256)) * 8),
        ("evil.pkl", pickle.dumps(print)),
    ],
)
def test_bad_file_is_one_line_and_code_2(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = traindiag("analyze", path)
    assert done.returncode == 2
    assert name in _error(done)


def test_missing_path_and_empty_folder(tmp_path: Path) -> None:
    done = traindiag("analyze", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in _error(done)
    done = traindiag("analyze", tmp_path)
    assert done.returncode == 2
    _error(done)


def test_bad_file_beside_a_good_one(log: Path) -> None:
    bad = log.with_name("bad.csv")
    bad.write_bytes(b"")
    done = traindiag("analyze", log, bad)
    assert done.returncode == 0
    assert "1 run: 1 ill; 1 file unreadable" in done.stdout
    assert done.stderr.startswith("traindiag: warning: ")
    assert "bad.csv" in done.stderr


def test_nothing_readable_is_valid_json_too(tmp_path: Path) -> None:
    done = traindiag("analyze", tmp_path / "nowhere", "-f", "json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["runs"] == []
    assert "nowhere" in document["unreadable"][0]["path"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["analise", "x"], "analyze"),
        (["explain", "overfiting"], "overfitting"),
        (["analyze", "x.csv", "--format", "jsn"], "json"),
        (["analyze", "{log}", "--reader", "keras-csw"], "keras-csv"),
        (["analyze", "{log}", "--select", "overfiting"], "overfitting"),
        (["analyze", "{log}", "--map", "los=accuracy"], "did you mean loss"),
        (["analyze", "x.csv", "--selct", "a"], "--select"),
    ],
)
def test_did_you_mean(log: Path, arguments: list[str], hint: str) -> None:
    done = traindiag(*(str(log) if word == "{log}" else word for word in arguments))
    assert done.returncode == 2
    assert hint in _error(done)


def test_a_path_without_a_command_is_told_of_analyze(log: Path) -> None:
    done = traindiag(log.name, cwd=log.parent)
    assert done.returncode == 2
    assert f"did you mean traindiag analyze {log.name}?" in _error(done)


@pytest.mark.parametrize("arguments", [["--map", "loss"], ["--fail-on", "bad"], ["--min-severity", "x"]])
def test_wrong_option_values(log: Path, arguments: list[str]) -> None:
    done = traindiag("analyze", log, *arguments)
    assert done.returncode == 2
    _error(done)


def test_map_renames_a_column(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    _csv(path)
    path.write_text(path.read_text().replace("val_loss", "val_obj"))
    done = traindiag("analyze", path, "-f", "json", "--map", "val_obj=val_loss")
    assert json.loads(done.stdout)["runs"][0]["verdict"]["rule"] == "overfitting"


def test_ignored_rule_gives_no_verdict(log: Path) -> None:
    done = traindiag("analyze", log, "-f", "json", "--ignore", "TD101")
    assert json.loads(done.stdout)["runs"][0]["verdict"]["rule"] != "overfitting"


def test_min_severity_leaves_out_notes(log: Path) -> None:
    done = traindiag("analyze", log, "-f", "json", "--min-severity", "error")
    findings = json.loads(done.stdout)["runs"][0]["findings"]
    assert {finding["severity"] for finding in findings} == {"error"}


def test_plots_are_written_and_told_on_stderr(log: Path, tmp_path: Path) -> None:
    done = traindiag("analyze", log, "--plots", tmp_path / "figures")
    assert done.returncode == 0
    assert [path.suffix for path in (tmp_path / "figures").iterdir()] == [".png"]
    assert "wrote 1 figure to" in done.stderr


def test_plot_writes_figures_and_draws_in_the_terminal(log: Path, tmp_path: Path) -> None:
    done = traindiag("plot", log, "--out", tmp_path / "figures", "--format", "svg", "--figure", "gap")
    assert (done.returncode, done.stdout) == (0, "")
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["overfit-gap.svg"]
    done = traindiag("plot", log, "--terminal", cwd=tmp_path)
    assert done.returncode == 0
    assert " val\n" in done.stdout
    assert "best: epoch 15" in done.stdout
    assert traindiag("plot", tmp_path / "nowhere").returncode == 2


def test_stdin(log: Path) -> None:
    done = traindiag("analyze", "-", "-f", "json", stdin=log.read_text())
    assert json.loads(done.stdout)["runs"][0]["verdict"]["rule"] == "overfitting"


def test_colour_follows_option_and_environment(log: Path) -> None:
    assert "\x1b[" not in traindiag("analyze", log).stdout
    assert "\x1b[" in traindiag("analyze", log, "--color", "always").stdout
    assert "\x1b[" in traindiag("analyze", log, env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in traindiag("analyze", log, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert "\x1b[" not in traindiag("analyze", log, "--color", "never", env={"FORCE_COLOR": "1"}).stdout


def test_terminal_without_utf8_gets_ascii(log: Path) -> None:
    done = traindiag("analyze", log, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "x overfit" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="there is no head")
@pytest.mark.parametrize("command", ["rules", "explain overfitting", "replay overfit.csv"])
def test_a_closed_pipe_is_no_failed_gate(log: Path, command: str) -> None:
    python = f"{sys.executable} -c 'from traindiag.cli.app import main; main()'"
    # The reader is gone before anything is written.
    script = f"(sleep 1; {python} {command}; echo $? >&2) | true"
    done = subprocess.run(script, shell=True, capture_output=True, text=True, cwd=log.parent, check=False)
    assert done.stderr == "0\n"


@pytest.mark.parametrize("format", ["html", "markdown", "junit", "csv", "github"])
def test_documents_are_utf_8_in_any_locale(tmp_path: Path, format: str) -> None:
    _csv(tmp_path / "läufe-訓練.csv")
    command = ["-c", "from traindiag.cli.app import main; main()", "analyze", "läufe-訓練.csv", "-f", format]
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        cwd=tmp_path,
        env=dict(os.environ) | {"PYTHONIOENCODING": "cp1252"},
        check=True,
    )
    assert "läufe-訓練" in done.stdout.decode("utf-8")


def test_output_cannot_be_a_folder(log: Path) -> None:
    error = _error(traindiag("analyze", log, "-o", log.parent))
    assert error.endswith("is a folder; name a file in it")


def test_closed_pipe_is_quiet(log: Path) -> None:
    command = f'"{sys.executable}" -c "from traindiag.cli.app import main; main()" rules --format json'
    done = subprocess.run(
        f"{command} | head -c 1", shell=True, capture_output=True, text=True, cwd=log.parent, check=False
    )
    assert done.stderr == ""


def test_help_is_shown_without_arguments() -> None:
    done = traindiag()
    assert "Usage: traindiag" in done.stdout + done.stderr
    assert "error" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = traindiag(command, "--help")
    assert done.returncode == 0
    assert "Examples" in done.stdout
    assert f"$ traindiag {command}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_breaks_lines_by_the_width_not_as_the_source_does() -> None:
    paragraph = traindiag("cache", "--help").stdout.split("They lie in")[1].split("╭")[0]
    *full, _ = [line.strip() for line in paragraph.strip().splitlines()]
    assert min(map(len, full)) > 55


def test_help_names_every_format() -> None:
    from traindiag.reports.base import all_renderers

    text = " ".join(traindiag("analyze", "--help").stdout.replace("│", " ").split())
    for name in all_renderers():
        assert name in text


def test_version() -> None:
    from traindiag import __version__

    first, interpreter, packages, *_ = traindiag("--version").stdout.splitlines()
    assert first == f"traindiag {__version__}"
    assert platform.python_version() in interpreter
    for name in ("numpy", "pandas", "matplotlib", "typer", "rich", "jinja2"):
        assert f"{name} {metadata.version(name)}" in packages


def test_version_names_no_one() -> None:
    text = traindiag("--version").stdout
    assert platform.node() not in text
    assert str(Path.home()) not in text


def test_internal_error_is_one_line_and_code_3(log: Path) -> None:
    script = (
        "import traindiag.diagnosis as d, sys\n"
        "def broken(*a, **k): raise ZeroDivisionError('oh\\x1b[31m')\n"
        "d.diagnose_run = broken\n"
        "from traindiag.cli.app import main\n"
        f"main([*sys.argv[1:], 'analyze', {str(log)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "ZeroDivisionError" in line
    assert "\x1b" not in line
    traced = subprocess.run(
        [sys.executable, "-c", script, "--debug"], capture_output=True, text=True, check=False
    )
    assert "Traceback" in traced.stderr


def test_interrupt_is_130(log: Path) -> None:
    script = (
        "import traindiag.diagnosis as d\n"
        "def stop(*a, **k): raise KeyboardInterrupt\n"
        "d.diagnose_run = stop\n"
        "from traindiag.cli.app import main\n"
        f"main(['analyze', {str(log)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def _obey_permissions() -> None:
    """Take from a superuser the right to read everything; others never had it."""
    drop, override, read_search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        assert libc.prctl(drop, override, 0, 0, 0) == 0
        assert libc.prctl(drop, read_search, 0, 0, 0) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rights are dropped as Linux does it")
def test_file_without_permission(log: Path) -> None:
    log.chmod(0)
    done = traindiag("analyze", log, before=_obey_permissions)
    assert done.returncode == 2
    assert "no permission to read" in _error(done)
