"""What a script prints is kept, and goes where it goes without that: same bytes, same moments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from traindiag.capture.console import CUT, Transcript

SCRIPT = """
import io, os, sys
if {copy}:
    from traindiag.capture.console import Transcript, copy_streams
    transcript = Transcript(__import__("pathlib").Path("kept.txt"))
    transcript.begin()
    copy_streams(transcript.add)
print("a line", 1.5, "äöü")
sys.stdout.write("no end of line")
sys.stdout.buffer.write(b"\\xff\\x00bytes\\n")
print("error", file=sys.stderr)
print(sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.name, sys.stdout.mode, sys.stdout.encoding)
print(sys.stdout.errors, sys.stdout.line_buffering, sys.stdout.newlines, type(sys.stdout))
print(isinstance(sys.stdout.buffer, io.BufferedWriter))
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, "x" * 20_000)
sys.stdout.flush()
os.write(1, b"past Python\\n")
pid = os.fork()
if pid == 0:
    print("child")
    sys.stdout.flush()
    os._exit(0)
os.waitpid(pid, 0)
print("unflushed at the end", end="")
"""


def printed(folder: Path, copy: bool, **environment: str) -> tuple[bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(copy=copy)],
        cwd=folder,
        env={
            **{name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"},
            **environment,
        },
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONUNBUFFERED": "1"}, {"PYTHONIOENCODING": "latin-1:replace"}]
)
def test_bytes_are_the_same_and_are_kept(tmp_path: Path, environment: dict[str, str]) -> None:
    plain, copied = printed(tmp_path, False, **environment), printed(tmp_path, True, **environment)
    assert copied == plain
    kept = (tmp_path / "kept.txt").read_bytes()
    assert kept.replace(b"error\n", b"", 1) == plain[0].replace(b"past Python\n", b"")
    assert b"error\n" in kept


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_terminal_stays_a_terminal(tmp_path: Path) -> None:
    import pty

    seen = []
    for copy in (False, True):
        main, side = pty.openpty()
        # No more than a terminal holds without anyone who reads it.
        code = SCRIPT.format(copy=copy).partition("pid = ")[0].replace("20_000", "200")
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stdout=side, check=True, timeout=60)
        os.close(side)
        text = b""
        try:
            while part := os.read(main, 65536):
                text += part
        except OSError:
            pass  # The end, on Linux.
        os.close(main)
        seen.append(text)
    assert seen[0] == seen[1]
    assert b"True 1 <stdout> w" in seen[0]


def test_nothing_is_made_unless_something_is_recorded(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "logs" / "kept.txt")
    transcript.add(b"early\n")
    transcript.begin()
    transcript.add(b"still early\n")
    transcript.finish()
    assert not list(tmp_path.iterdir())
    (tmp_path / "logs").mkdir()
    transcript.add(b"late\n")
    assert (tmp_path / "logs" / "kept.txt").read_bytes() == b"early\nstill early\nlate\n"


def test_an_earlier_text_is_continued(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        transcript = Transcript(tmp_path / "kept.txt")
        transcript.begin()
        transcript.add(text)
    assert (tmp_path / "kept.txt").read_bytes() == b"one\ntwo\n"


def test_a_long_text_is_cut_and_says_so(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "kept.txt", largest=10)
    transcript.begin()
    for _ in range(5):
        transcript.add(b"1234\n")
    assert (tmp_path / "kept.txt").read_bytes() == b"1234\n1234\n" + CUT


def test_a_full_disk_is_no_matter_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript = Transcript(tmp_path / "kept.txt")
    transcript.begin()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("traindiag.capture.console.os.write", full)
    transcript.add(b"text\n")
    transcript.add(b"more\n")
