"""``traindiag check`` as a process: exit codes, the one line of the reason, settings and baselines."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest


def check(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One run of the command at 80 columns without colour."""
    clean = {key: value for key, value in os.environ.items() if not key.endswith("_COLOR")}
    return subprocess.run(
        [sys.executable, "-c", "from traindiag.cli.app import main; main()", "check", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=clean | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


def write(path: Path, epochs: int = 60, rise: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ["epoch,loss,val_loss"]
    for epoch in range(epochs):
        loss = 2 * math.exp(-epoch / 10)
        rows.append(f"{epoch},{loss + 0.1},{loss + 0.15 + max(0, epoch - 25) * rise}")
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "logs" / "well.csv")
    write(tmp_path / "logs" / "ill.csv", rise=0.03)
    write(tmp_path / "short.csv", epochs=3)
    return tmp_path


def reason(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.splitlines()
    return line


def test_the_three_codes_and_their_reasons(project: Path) -> None:
    well = check("logs/well.csv", cwd=project)
    assert (well.returncode, reason(well)) == (0, "traindiag: check passed: 1 run judged, nothing at error")
    ill = check("logs", cwd=project)
    assert (ill.returncode, reason(ill)) == (1, "traindiag: check failed: overfitting (error) in ill")
    assert "overfitting TD101, error" in ill.stdout
    short = check("short.csv", cwd=project)
    assert short.returncode == 2
    assert reason(short) == "traindiag: check not judged: the run could not be judged: too-short (TD401)"


def test_nothing_readable_is_code_2(project: Path) -> None:
    done = check("nowhere", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason(done).startswith(
        "traindiag: check not judged: nothing could be read: nowhere: no such file"
    )


def test_unreadable_beside_readable_is_told(project: Path) -> None:
    (project / "bad.csv").write_text("")
    done = check("logs/well.csv", "bad.csv", cwd=project)
    assert done.returncode == 0
    first, last = done.stderr.splitlines()
    assert first.startswith("traindiag: warning: bad.csv")
    assert last.endswith("1 unreadable")


def test_a_misspelt_key_is_an_error_that_names_it(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.traindiag]\nfail-onn = 'warning'\n")
    done = check("logs/well.csv", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason(done) == (
        "traindiag: error: pyproject.toml: unknown key 'fail-onn' in [tool.traindiag]; did you mean fail-on?"
    )
    assert check("logs/well.csv", "--isolated", cwd=project).returncode == 0


def test_settings_of_a_folder_above_count(project: Path) -> None:
    (project / "traindiag.toml").write_text('paths = ["logs"]\nrules.overfitting = "warning"\n')
    (project / "deep").mkdir()
    done = check(cwd=project / "deep")
    assert done.returncode == 0, done.stderr
    assert check("--fail-on", "warning", cwd=project / "deep").returncode == 1
    assert check("--config", "../none.toml", cwd=project / "deep").returncode == 2


def test_no_path_at_all(project: Path) -> None:
    done = check(cwd=project)
    assert done.returncode == 2
    assert "no path given" in reason(done)


def test_budgets_on_the_command_line(project: Path) -> None:
    done = check("logs/well.csv", "--budget", "val_loss <= 0.1", cwd=project)
    assert done.returncode == 1
    assert "budget val_loss <= 0.1 broken: val_loss 0.1555 in well" in reason(done)
    assert "over-budget TD802" in done.stdout
    assert check("logs/well.csv", "--budget", "val_loss <= 0.2", cwd=project).returncode == 0
    assert "NAME <= LIMIT" in reason(check("logs", "--budget", "val_loss", cwd=project))


def test_broken_budgets_reach_every_format(project: Path) -> None:
    broken = ("logs/well.csv", "--budget", "val_loss <= 0.1", "-f")
    verdict = json.loads(check(*broken, "json", cwd=project).stdout)["runs"][0]["verdict"]
    assert (verdict["rule"], verdict["status"]) == ("over-budget", "ill")
    assert (
        "::error file=logs/well.csv,title=TD802 over-budget" in check(*broken, "github", cwd=project).stdout
    )
    assert "<failure" in check(*broken, "junit", cwd=project).stdout
    sarif = json.loads(check(*broken, "sarif", cwd=project).stdout)
    assert "TD802" in [each["ruleId"] for each in sarif["runs"][0]["results"]]


def test_exit_zero_forgives_findings_but_not_silence(project: Path) -> None:
    done = check("logs", "--exit-zero", cwd=project)
    assert done.returncode == 0
    assert "check failed" in done.stderr
    assert check("short.csv", "--exit-zero", cwd=project).returncode == 2


def test_select_and_ignore(project: Path) -> None:
    assert check("logs", "--ignore", "TD1,TD3", cwd=project).returncode == 0
    assert check("logs", "--select", "non-finite", cwd=project).returncode == 0
    assert "did you mean" in reason(check("logs", "--select", "overfiting", cwd=project))


def test_baseline_from_writing_to_expiry(project: Path) -> None:
    written = check("logs", "--write-baseline", "accepted.json", cwd=project)
    assert written.returncode == 0
    assert reason(written) == "traindiag: accepted 1 finding in accepted.json"
    accepted = check("logs", "--baseline", "accepted.json", cwd=project)
    assert accepted.returncode == 0
    assert reason(accepted).endswith("1 accepted by the baseline")
    (sarif,) = json.loads(check("logs", "--baseline", "accepted.json", "-f", "sarif", cwd=project).stdout)[
        "runs"
    ]
    suppressed = {each["ruleId"] for each in sarif["results"] if "suppressions" in each}
    assert suppressed == {"TD101"}
    write(project / "logs" / "ill.csv", rise=-0.001)
    mended = check("logs", "--baseline", "accepted.json", cwd=project)
    assert mended.returncode == 0
    assert "overfitting in ill is accepted but gone" in mended.stderr.splitlines()[0]
    assert check("logs", "--baseline", "none.json", cwd=project).returncode == 2


def test_junit_says_what_the_gate_says(project: Path) -> None:
    def failures(*options: str) -> str:
        root = ET.fromstring(check("logs", "-f", "junit", *options, cwd=project).stdout)
        return root.attrib["failures"]

    assert failures() == "1"
    assert failures("--fail-on", "off") == "0"
    assert failures("--fail-on", "off", "--budget", "val_loss <= 0.1") == "2"
    check("logs", "--write-baseline", "accepted.json", cwd=project)
    assert failures("--baseline", "accepted.json") == "0"


def test_no_baseline_of_what_could_not_be_judged(project: Path) -> None:
    done = check("short.csv", "--write-baseline", "accepted.json", cwd=project)
    assert done.returncode == 2
    assert not (project / "accepted.json").exists()


def test_a_baseline_in_the_settings_is_written_anew(project: Path) -> None:
    (project / "traindiag.toml").write_text('baseline = "accepted.json"\n')
    assert "cannot be read" in check("logs", cwd=project).stderr
    for _ in range(2):
        assert check("logs", "--write-baseline", "accepted.json", cwd=project).returncode == 0
        assert len(json.loads((project / "accepted.json").read_text())["accepted"]) == 1
    assert check("logs", cwd=project).returncode == 0


def test_seeds_are_aggregated(project: Path) -> None:
    for seed, rise in enumerate((0.03, 0.0, 0.0)):
        write(project / "seeds" / f"seed-{seed}" / "log.csv", rise=rise)
    assert check("seeds", cwd=project).returncode == 1
    assert check("seeds", "--aggregate", "median", cwd=project).returncode == 0
    done = check("seeds", "--aggregate", "median", "--group-by", "[", cwd=project)
    assert "--group-by: '[' is no regular expression" in reason(done)


def test_show_settings_is_toml_that_means_the_same(project: Path) -> None:
    (project / "traindiag.toml").write_text("[rules.trained-too-long]\nshare = 0.7\n")
    done = check("logs", "--show-settings", "--fail-on", "off", "--budget", "epochs <= 9", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    shown = tomllib.loads(done.stdout)
    assert shown["fail-on"] == "off"
    assert shown["paths"] == ["logs"]
    assert shown["budgets"] == ["epochs <= 9"]
    assert shown["rules"] == {"trained-too-long": {"share": 0.7}}


def test_analyze_reads_settings_only_when_told(project: Path) -> None:
    (project / "traindiag.toml").write_text('budgets = ["val_loss <= 0.1"]\nrules.overfitting = "off"\n')

    def verdicts(*options: str) -> list[str]:
        script = "from traindiag.cli.app import main; main()"
        command = [sys.executable, "-c", script, "analyze", "logs", "-f", "json", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=project, check=True)
        return [run["verdict"]["rule"] for run in json.loads(done.stdout)["runs"]]

    assert "overfitting" in verdicts()
    assert set(verdicts("--config", "traindiag.toml")) == {"over-budget"}


@pytest.mark.parametrize("command", ["check", "compare"])
def test_help_has_an_example_and_keeps_to_80_columns(project: Path, command: str) -> None:
    script = "from traindiag.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, command, "--help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=dict(os.environ) | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    assert f"$ traindiag {command}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_chosen_files_in_several_processes(project: Path) -> None:
    done = check("logs", "--jobs", "2", "--exclude", "ill.csv", cwd=project)
    assert (done.returncode, reason(done)) == (0, "traindiag: check passed: 1 run judged, nothing at error")
    wrong = check("logs", "--jobs", "many", cwd=project)
    assert (wrong.returncode, reason(wrong)) == (
        2,
        "traindiag: error: --jobs: 'many' is no number; give 2, 8, or auto",
    )


def test_analyze_tells_broken_budgets_of_seeds_that_count_together(project: Path) -> None:
    (project / "strict.toml").write_text(
        'budgets = ["epochs <= 50"]\naggregate = "best"\ngroup-by = "well|ill"\n'
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "traindiag", "analyze", "logs", "--config", "strict.toml", "-f", "jsonl"),
            *("--fail-on", "error"),
        ],
        capture_output=True, text=True, encoding="utf-8", cwd=project, check=False,
    )  # fmt: skip
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["name"] for run in runs] == ["ill", "well"]
    # Both seeds are too long; the budget is told once, on the one that stands for the setting.
    assert [finding["rule"] for run in runs for finding in run["findings"]].count("over-budget") == 1
    assert done.returncode == 1


def test_one_reading_and_several_files(project: Path) -> None:
    done = check(*"logs -f github -o - -o a.sarif -o junit:b -o c.html".split(), cwd=project)
    assert done.returncode == 1
    assert done.stdout.startswith("::error ")
    for options, name in ((("-f", "sarif"), "a.sarif"), (("-f", "junit"), "b"), (("-f", "html"), "c.html")):
        assert (project / name).read_text(encoding="utf-8") == check("logs", *options, cwd=project).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("-o none/a.html", "none: no such folder; make it, or name another"),
        ("-o logs", "logs: is a folder; name a file in it"),
        (
            "-f json -o sarif:a",
            "--format json: says nothing of files that have a format of their own; leave it out",
        ),
        (
            "-f json -o a.csv -o a.html",
            "--format json: says nothing of files that have a format of their own",
        ),
        ("-o a.csv -o a.pdf", "a.pdf: no format has the suffix '.pdf'"),
    ],
)
def test_where_the_report_goes_is_settled_before_anything_is_read(
    project: Path, options: str, says: str
) -> None:
    done = check("nowhere", *options.split(), cwd=project)
    assert done.returncode == 2
    assert reason(done).startswith(f"traindiag: error: {says}")
