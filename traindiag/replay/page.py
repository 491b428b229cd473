"""Text pages of this room: the terminal report's ink and width."""

from __future__ import annotations

from io import StringIO

from rich.text import Text

from traindiag.reports.base import Options
from traindiag.reports.ink import Ink, console_on, trimmed

LABEL = 9
"""Columns of the labels at the left."""


class Page:
    """Lines of text at a fixed width.

    Args:
        options: width, colour and characters.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ink = Ink(options)
        self._file = StringIO()
        self.console = console_on(self._file, options)

    def line(self, *parts: str | Text) -> None:
        """One line; plain strings are sanitised."""
        made = [self.ink.text(part) if isinstance(part, str) else part for part in parts]
        self.console.print(Text.assemble(*made), soft_wrap=True)

    def beside(self, label: str, body: str | Text, style: str = "dim") -> None:
        """`body` wrapped beside a label."""
        text = self.ink.text(body) if isinstance(body, str) else body
        lines = text.wrap(self.console, max(20, self.options.width - LABEL - 2))
        for number, each in enumerate(lines):
            each.rstrip()
            head = Text(f"  {'' if number else label}".ljust(LABEL + 2), style)
            self.console.print(Text.assemble(head, each), soft_wrap=True)

    def finished(self) -> str:
        """Everything written, without trailing blanks."""
        return trimmed(self._file)


def duration(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
