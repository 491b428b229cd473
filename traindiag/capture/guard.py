"""Keeps the faults of recording out of the training that is recorded."""

from __future__ import annotations

import sys
from types import TracebackType

from traindiag.reports.sanitise import sanitise


def tell(message: str) -> None:
    """One line on standard error, safe to show; nothing where there is no standard error."""
    line = f"traindiag: {sanitise(message)}"
    try:
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # Closed or absent: a message that nobody can read may not stop a training.


class Guard:
    """Swallows every `Exception` raised inside ``with guard:``; the first one is told.

    Ctrl-C and `SystemExit` are no faults of recording and pass through.

    Args:
        what: what fails, for the message: ``recording to logs/run1``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.told = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        if not self.told:
            self.told = True
            tell(f"warning: {self.what} failed ({_reason(error)}); the training goes on")
        return True


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {error}"[:200]
