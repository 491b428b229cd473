"""Runs somebody's script in a process of its own, with its training captured.

Its own process, so that the script starts as it always does, and so that what was captured can be told even when the
script is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from traindiag.capture.signals import chosen
from traindiag.model.errors import UsageError

_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def run_script(
    target: str,
    arguments: Sequence[str],
    *,
    out: Path,
    module: bool = False,
    steps_per_epoch: int | None = None,
    signals: Iterable[str] = (),
) -> int:
    """Runs a script to its end, whatever that is.

    Args:
        target: path of a script, or the name of a module.
        arguments: the script's own.
        out: folder for the runs.
        module: whether `target` is a module, as for ``python -m``.
        steps_per_epoch: of loops of `train_on_batch`; None to find epochs by evaluations.
        signals: as for `Recorder`.

    Returns:
        Its exit code; ``-n`` when signal n ended it, as in `subprocess`.

    Raises:
        UsageError: there is no such script, or no such signal.
    """
    wanted = ",".join(sorted(chosen(signals)))
    if not module and not Path(target).is_file():
        raise UsageError("no such script", where=target, next_step="check the path, or give -m for a module")
    root = Path(__file__).parents[2]
    command = [
        sys.executable, *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        str(root / "traindiag" / "capture" / "child.py"), str(root), str(out.absolute()), str(steps_per_epoch or 0),
        wanted, "module" if module else "file", target, *arguments,
    ]  # fmt: skip
    # Files that a shell opened for the script stay open, as they would.
    with subprocess.Popen(command, close_fds=False) as child, _signals_to(child):
        return child.wait()


@contextmanager
def _signals_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Signals reach the script; this process lives on to tell what was captured."""

    def forward(number: int, _: FrameType | None) -> None:
        child.send_signal(number)

    names = [name for name in _FORWARDED if hasattr(signal, name)]
    handlers: dict[int, Any] = {getattr(signal, name): forward for name in names}
    # A terminal sends Ctrl-C and Ctrl-\ to both processes; anybody else sends them to this one only.
    keys = [getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name)]
    handlers |= dict.fromkeys(keys, signal.SIG_IGN if _has_terminal() else forward)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal() -> bool:
    """Whether a terminal sends its signals to this process."""
    try:
        with open(os.ctermid(), "rb", buffering=0) as terminal:
            return os.getpgrp() == os.tcgetpgrp(terminal.fileno())
    except (OSError, AttributeError):
        return False


def end_as(code: int) -> int:
    """Ends this process by the signal that ended the script; gives any other exit code back."""
    if code >= 0:
        return code
    if os.name == "posix":
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 128 - code


def can_write(folder: Path) -> bool:
    """Whether a folder is there and can be written to, or could be made."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def free_folder(wanted: Path) -> Path:
    """`wanted`, or ``wanted-2``, ``wanted-3``, ...: the first that is not there."""
    return next(
        path
        for number in count(1)
        if not (path := wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")).exists()
    )
