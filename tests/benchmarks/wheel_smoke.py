"""Does the wheel alone do what it says? Installed in an empty environment, no extras, far from the repository.

    python tests/benchmarks/wheel_smoke.py dist                     # the newest wheel there
    python tests/benchmarks/wheel_smoke.py dist --python python3.13 # with another interpreter

Makes a virtual environment, installs the wheel with what it requires and nothing else, and calls every command
once or more in an empty folder. Prints the seconds of each; ends with 1 if a call ended otherwise than it should.
tests/test_packaging.py makes the first call of each command against the unpacked wheel.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEMO = "traindiag-demo"
EXTRAS = ("keras", "tensorflow", "tensorboard", "sklearn", "scipy", "pytest", "sphinx", "torch")
"""What must not be there, or the trials prove less than they say."""


@dataclass(frozen=True)
class Trial:
    """One call: the words after ``traindiag``, the exit code it must end with, and what it must print."""

    words: str
    shows: str = ""
    code: int = 0


TRIALS = [
    Trial("--version", "traindiag 0."),
    Trial("--help", "Examples"),
    Trial(f"demo {DEMO}", "Try next"),
    *(
        Trial(f"analyze {DEMO} --format {format}", "overfitting")
        for format in "text json jsonl csv markdown html notebook junit sarif github".split()
    ),
    Trial(f"analyze {DEMO}/converged --plots figures", "1 figure"),
    Trial(f"analyze {DEMO} --fail-on error", "overfitting", code=1),
    Trial(f"check {DEMO}/converged", "passed"),
    Trial(f"check {DEMO}", "overfitting", code=1),
    Trial(f"compare {DEMO}/converged {DEMO}/learning", "converged"),
    Trial(f"plot {DEMO}/overfitting --out figures --format svg", "figure"),
    Trial(f"plot {DEMO}/overfitting --terminal", "epoch"),
    Trial(f"replay {DEMO}/overfitting --early-stopping patience=5", "patience"),
    Trial(f"watch {DEMO}/overfitting --until-finished --finished-after 0.1", "overfitting"),
    Trial("train --list", "overfitting"),
    Trial("train overfitting", "traindiag[keras]", code=2),
    Trial("run script.py", "hello"),
    Trial("rules", "TD101"),
    Trial("explain overfitting", "Remedies"),
    Trial("readers", "tensorboard"),
    Trial("cache info", "report"),
    Trial("analyze nowhere", "nowhere", code=2),
]


def try_all(
    trials: Sequence[Trial], command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> list[str]:
    """Make calls in an empty folder, print how long each took, and tell what went wrong.

    Args:
        trials: the calls, that of ``demo`` before those that read what it wrote.
        command: what ``traindiag`` is called as.
        folder: where; the demo and a script are written there.
        env: the whole environment of the calls.
    """
    (folder / "script.py").write_text("print('hello')\n")
    env = {**env, "TRAINDIAG_CACHE_DIR": str(folder / "cache")}
    faults = []
    for trial in trials:
        start = time.perf_counter()
        done = subprocess.run(
            [*command, *trial.words.split()],
            cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        wrong = fault(trial, done.returncode, output)
        faults += wrong
        print(f"{time.perf_counter() - start:6.2f} s  {'no' if wrong else 'ok'}  traindiag {trial.words}")
    return faults


def fault(trial: Trial, code: int, output: str) -> list[str]:
    """What is wrong with how a call ended; nothing if it ended as it should."""
    if code != trial.code:
        return [f"traindiag {trial.words}: ended with {code}, not {trial.code}\n{output[-2000:]}"]
    if trial.shows not in output or "Traceback" in output:
        return [f"traindiag {trial.words}: shows no {trial.shows!r}, or a traceback\n{output[-2000:]}"]
    return []


def plain_environment() -> dict[str, str]:
    """The environment of this process without what leads Python to other packages."""
    led = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COLUMNS", "FORCE_COLOR", "NO_COLOR")
    return {k: v for k, v in os.environ.items() if k not in led} | {"PYTHONIOENCODING": "utf-8"}


def installed(wheel: Path, folder: Path, python: str) -> Path:
    """The interpreter of a fresh virtual environment with the wheel and what it requires."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([str(inside), "-m", "pip", "install", "-q", str(wheel)], check=True)
    return inside


def newest_wheel(where: Path) -> Path:
    """The wheel itself, or the newest in a folder."""
    wheels = (
        [where] if where.suffix == ".whl" else sorted(where.glob("*.whl"), key=lambda w: w.stat().st_mtime)
    )
    if not wheels:
        sys.exit(f"{where}: no wheel there; python -m build makes one")
    return wheels[-1].resolve()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel, or the folder it is in")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    arguments = parser.parse_args()
    wheel = newest_wheel(arguments.wheel)
    env = plain_environment()
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        python = installed(wheel, Path(scratch, "venv"), arguments.python)
        print(f"{time.perf_counter() - start:6.2f} s  ok  environment with {wheel.name}")
        found = f"import importlib.util as u; print(*[n for n in {EXTRAS} if u.find_spec(n)])"
        extras = subprocess.run([python, "-c", found], capture_output=True, text=True, check=True).stdout
        folder = Path(scratch, "empty")
        folder.mkdir()
        faults = [f"not empty: {extras}"] if extras.strip() else []
        faults += try_all(TRIALS, [str(python.with_name("traindiag"))], folder, env)
    print(*faults, sep="\n")
    print(f"{len(TRIALS) - len(faults)} of {len(TRIALS)} calls as they should be")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
