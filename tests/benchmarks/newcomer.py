"""The first minutes of somebody who has never seen traindiag, timed, at a terminal of 80 columns.

    python tests/benchmarks/newcomer.py dist                      # the newest wheel there
    python tests/benchmarks/newcomer.py dist --log newcomer.txt   # keep all that was seen

In an empty folder: make an environment, install the wheel alone, look at the demo, diagnose one's own CSV, have the
verdict explained, open the web page in a browser (Debian's chromium; the step is left out without one), let CI fail
by three lines in pyproject.toml, mend the training, and make the usual mistakes. Every command runs at a
pseudo-terminal, as a person sees it. A step fails if it takes a minute or more, ends with another exit code than it
should, prints a line wider than the terminal (code to copy and errors apart), or a message that does not help: one
that lacks what was wrong, where, or what to do next. Ends with 1 if one fails.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wheel_smoke import newest_wheel, plain_environment

COLUMNS, LIMIT = 80, 60.0
UNBROKEN = re.compile(r"\s+(?:model\.|keras\.|early_stopping = |optimizer = )|traindiag: error: |WARNING: ")
"""Code to copy is not broken into lines, nor are errors, for those who search for them."""
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")
GATE = '[tool.traindiag]\npaths = ["logs"]\nfail-on = "error"\n'


@dataclass
class Journey:
    """What was done and seen so far.

    Attributes:
        folder: where the newcomer works.
        env: the environment of their commands.
        seen: every command with its output.
        faults: what a newcomer would have stumbled over.
    """

    folder: Path
    env: dict[str, str]
    seen: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def step(
        self, title: str, command: str, shows: Sequence[str] = (), code: int = 0, most_lines: int = 0
    ) -> str:
        """Run a command at the terminal, time it, and check its end, its width and its words."""
        start = time.perf_counter()
        ended, output = at_terminal(command, self.folder, self.env)
        taken = time.perf_counter() - start
        lines = output.splitlines()
        wide = [line for line in lines if len(line) > COLUMNS and not UNBROKEN.match(line)]
        wrong = [f"ended with {ended}, not {code}"] if ended != code else []
        wrong += [f"says nothing of {word!r}" for word in shows if word not in " ".join(output.split())]
        wrong += [f"a line of {len(line)} columns: {line}" for line in wide]
        wrong += ["a traceback"] if "Traceback" in output else []
        wrong += [f"{len(lines)} lines for one mistake"] if most_lines and len(lines) > most_lines else []
        self.note(title, command, taken, output, wrong)
        return output

    def note(self, title: str, command: str, taken: float, output: str, wrong: list[str]) -> None:
        """Keep what was seen; a step of a minute is a fault, whatever it shows."""
        wrong += [f"took {taken:.0f} s"] if taken >= LIMIT else []
        self.faults += [f"{title}: {each}" for each in wrong]
        self.seen.append(f"## {title}\n\n$ {command}\n{output}\n({taken:.1f} s)\n")
        print(f"{taken:6.2f} s  {'no' if wrong else 'ok'}  {title}: {command}")


def at_terminal(command: str, folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Exit code and text of a command line run at a pseudo-terminal of 80 columns, colours taken off."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    output = bytearray()
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        output += piece
    os.close(ours)
    return process.wait(), visible(output.decode("utf-8", "replace"))


def visible(text: str) -> str:
    """What is left on the screen: no escapes, and of a line written over itself the last writing."""
    lines = ESCAPES.sub("", text.replace("\r\n", "\n")).split("\n")
    return "\n".join(line.rpartition("\r")[2] for line in lines)


def own_log(path: Path, overfits: bool) -> None:
    """A log with a newcomer's own column names: a network that memorises, or the same one, pooled."""
    path.parent.mkdir(exist_ok=True)
    rows = ["epoch,train_loss,valid_loss,train_acc,valid_acc"]
    for epoch in range(40):
        wiggle = 0.01 * ((epoch * 7) % 5 - 2)
        train = 0.08 + 1.9 * 0.88**epoch
        valid = 0.35 + 1.7 * 0.86**epoch + (max(0, epoch - 14) * 0.02 if overfits else 0) + wiggle
        rows.append(f"{epoch},{train:.4f},{valid:.4f},{1 - train / 2.6:.4f},{1 - valid / 2.6:.4f}")
    path.write_text("\n".join(rows) + "\n")


def first_steps(journey: Journey, wheel: Path, python: str) -> None:
    """Install, demo, one's own log, the explanation."""
    journey.step("environment", f"{python} -m venv .venv")
    journey.step("install", f".venv/bin/pip install -q --disable-pip-version-check {wheel}")
    journey.env["PATH"] = f"{journey.folder}/.venv/bin:{journey.env['PATH']}"
    journey.step("what is there", "traindiag", ["traindiag demo", "analyze", "explain"], code=2)
    demo = journey.step("demo", "traindiag demo", ["overfitting", "Try next", "EarlyStopping"])
    for command in re.findall(r"^  \$ (.*)$", demo, re.M):
        journey.step("the demo's hint", command)
    own_log(journey.folder / "logs" / "mine.csv", overfits=True)
    own = journey.step("own CSV", "traindiag analyze logs/mine.csv", ["epoch", "Do 1."])
    verdict = re.search(r"(\S+) (TD\d+), (?:error|warning)", own)
    journey.faults += [] if verdict else ["own CSV: no verdict to ask about"]
    rule = verdict[1] if verdict else "overfitting"
    journey.step("explain", f"traindiag explain {rule}", ["Why it matters", "Remedies", "When to ignore"])


def open_page(journey: Journey) -> None:
    """The report as a web page, in a real browser."""
    journey.step("web page", "traindiag analyze logs/mine.csv -o report.html", ["wrote report.html"])
    browser = shutil.which("chromium")
    if browser is None:
        print("          --  open the page: no chromium here")
        return
    start = time.perf_counter()
    shot = journey.folder / "report.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    page = (journey.folder / "report.html").as_uri()
    for each in (["--dump-dom"], [f"--screenshot={shot}", "--window-size=1100,1400"]):
        done = subprocess.run(
            [browser, *flags, f"--user-data-dir={journey.folder}/.browser", *each, page],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if each == ["--dump-dom"]:
            text = re.sub(r"<[^>]+>", " ", done.stdout)
    wrong = [f"shows no {word!r}" for word in ("mine", "overfitting", "EarlyStopping") if word not in text]
    wrong += [] if shot.exists() and shot.stat().st_size > 10_000 else ["an empty picture"]
    journey.note("open the page", "chromium report.html", time.perf_counter() - start, "", wrong)


def gate(journey: Journey) -> None:
    """Three lines in pyproject.toml; the job fails, the training is mended, the job passes."""
    (journey.folder / "pyproject.toml").write_text(GATE)
    journey.step("the gate fails", "traindiag check", ["check failed", "overfitting (error) in logs"], code=1)
    own_log(journey.folder / "logs" / "mine.csv", overfits=False)
    journey.step("the gate passes", "traindiag check", ["check passed"])


def mistakes(journey: Journey) -> None:
    """What goes wrong in everybody's first minutes, with the words that must be in the answer."""
    (journey.folder / "empty").mkdir()
    (journey.folder / "people.csv").write_text("name,colour\nanna,red\nbert,blue\n")
    (journey.folder / "pyproject.toml").write_text(GATE.replace("fail-on", "fail_on"))
    tries = {
        "traindiag analyse logs": ["analyze"],
        "traindiag logs/mine.csv": ["traindiag analyze logs/mine.csv"],
        "traindiag analyze log/mine.csv": ["log/mine.csv", "no such file"],
        "traindiag analyze empty": ["empty", ";"],
        "traindiag analyze people.csv": ["people.csv", ";"],
        "traindiag analyze logs --format htm": ["html"],
        "traindiag analyze logs --fail-on bad": ["error", "warning"],
        "traindiag explain overfiting": ["overfitting"],
        "traindiag check": ["pyproject.toml", "fail_on", "fail-on"],
        "traindiag train overfitting": ["traindiag[keras]"],
        "traindiag demo logs": ["mine.csv", "demo FOLDER"],
    }
    for command, shows in tries.items():
        journey.step("mistake", command, shows, code=2, most_lines=4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel, or the folder it is in")
    parser.add_argument("--python", default=sys.executable, help="interpreter the newcomer has")
    parser.add_argument("--log", type=Path, help="write all that was seen here")
    parser.add_argument("--picture", type=Path, help="keep the picture of the web page here")
    arguments = parser.parse_args()
    wheel = newest_wheel(arguments.wheel)
    with tempfile.TemporaryDirectory() as scratch:
        env = plain_environment() | {"TERM": "xterm-256color", "TRAINDIAG_CACHE_DIR": f"{scratch}/cache"}
        journey = Journey(Path(scratch), env)
        start = time.perf_counter()
        first_steps(journey, wheel, arguments.python)
        open_page(journey)
        gate(journey)
        mistakes(journey)
        print(f"{time.perf_counter() - start:6.1f} s for {len(journey.seen)} steps")
        if arguments.log:
            arguments.log.write_text("\n".join(journey.seen), encoding="utf-8")
        if arguments.picture and (journey.folder / "report.png").exists():
            shutil.copy(journey.folder / "report.png", arguments.picture)
    print(*journey.faults, sep="\n")
    return int(bool(journey.faults))


if __name__ == "__main__":
    sys.exit(main())
