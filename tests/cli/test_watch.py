"""``traindiag watch`` as a user types it."""

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from traindiag.cli.app import run
from traindiag.rules.examples import decay, valley

OVER = {"loss": decay(40, 2.3, 0.05, 0.12), "val_loss": valley(40, 2.3, 0.7, 1.4, 10, 0.01)}
ENDS = ["--until-finished", "--finished-after", "0.4", "--every", "0.05"]


def write(path: Path, epochs: int = 40) -> None:
    pairs = list(zip(OVER["loss"], OVER["val_loss"], strict=True))[:epochs]
    rows = "".join(f"{epoch},{a!r},{b!r}\n" for epoch, (a, b) in enumerate(pairs))
    path.write_text("epoch,loss,val_loss\n" + rows)


def test_gate(tmp_path, capsys):
    write(tmp_path / "log.csv")
    assert run(["watch", str(tmp_path), *ENDS, "--fail-on", "error"]) == 1
    out = capsys.readouterr().out
    assert "overfitting" in out
    assert max(map(len, out.splitlines())) <= 80
    write(tmp_path / "log.csv", epochs=8)
    assert run(["watch", str(tmp_path), *ENDS, "--fail-on", "error"]) == 0


def test_log_that_appears_later_and_grows(tmp_path, capsys):
    log = tmp_path / "log.csv"

    def train():
        time.sleep(0.2)
        log.write_text("epoch,loss,val_loss\n")
        for epoch, (a, b) in enumerate(zip(OVER["loss"], OVER["val_loss"], strict=True)):
            with log.open("a") as file:
                file.write(f"{epoch},{a!r},{b!r}\n")
            time.sleep(0.01)

    training = threading.Thread(target=train)
    training.start()
    code = run(
        [
            "watch",
            str(log),
            "--until-finished",
            "--finished-after",
            "2",
            "--every",
            "0.05",
            "--fail-on",
            "error",
        ]
    )
    training.join()
    assert code == 1
    assert "waiting for a log" in capsys.readouterr().out


def test_command_gets_the_finding_as_arguments_without_a_shell(tmp_path, capfd):
    folder = tmp_path / "$(touch hacked)"
    folder.mkdir()
    write(folder / "log.csv")
    script = tmp_path / "hook.py"
    script.write_text(
        "import json, os, sys\n"
        f"json.dump([sys.argv[1:], os.environ['TRAINDIAG_RULE']], open({str(tmp_path / 'got.json')!r}, 'w'))\n"
    )
    command = f"'{sys.executable}' '{script}'"
    assert run(["watch", str(folder), *ENDS[:2], "3", *ENDS[3:], "--exec", command]) == 0
    [code, severity, name, epoch, message], rule = json.loads((tmp_path / "got.json").read_text())
    assert (code, severity, epoch, rule) == ("TD101", "error", "39", "overfitting")
    assert name == "$(touch hacked)"
    assert "best at epoch" in message
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("command", "said"), [("no-such-program-here", "no program"), ("'a", "quot"), ("", "no program")]
)
def test_wrong_command_is_exit_2(tmp_path, capsys, command, said):
    assert run(["watch", str(tmp_path), "--exec", command]) == 2
    assert said in capsys.readouterr().err


def test_stall(tmp_path, capsys):
    write(tmp_path / "log.csv", epochs=8)
    words = ["watch", str(tmp_path), "--until-finished", "--finished-after", "0.6", "--every", "0.05"]
    assert run([*words, "--stall-after", "0.2", "--fail-on", "warning"]) == 1
    assert "stalled" in capsys.readouterr().out


def test_what_is_waited_for_is_named(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    paths = [str(tmp_path / "empty"), str(tmp_path / "misspelt")]
    assert run(["watch", *paths, "--until-finished", "--finished-after", "0.2", "--every", "0.05"]) == 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "waiting" in line]
    assert f"no file in {paths[0]} yet; {paths[1]} is not there yet" in line
