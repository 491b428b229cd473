"""Marks, colours and safe text of the terminal report."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from traindiag.model.finding import Severity, Verdict
from traindiag.reports.base import Options
from traindiag.reports.sanitise import isolated, sanitise

if TYPE_CHECKING:
    from rich.console import Console

_SEVERITY_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_SEVERITY_MARK = {Severity.ERROR: "✗x", Severity.WARNING: "▲!", Severity.NOTE: "●o"}
_STATUS_STYLE = {"healthy": "green", "unjudged": "bright_black"}
_STATUS_MARK = {"healthy": "✓+", "unjudged": "??"}


def console_on(page: StringIO, options: Options) -> Console:
    """A console that writes to memory at a fixed width and takes no markup, emoji or links from text."""
    from rich.console import Console

    return Console(
        file=page,
        width=options.width,
        color_system="standard" if options.color else None,
        force_terminal=options.color,
        no_color=not options.color,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )


def trimmed(page: StringIO) -> str:
    """What was written, without blanks at the ends of its lines."""
    return "".join(line.rstrip(" ") + "\n" for line in page.getvalue().splitlines())


class Ink:
    """Makes the `Text` of a report; nothing from a log reaches the terminal but through `text`.

    Args:
        options: which width, colours and characters are wanted.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rule_line = "-" if options.ascii else "─"
        self.ellipsis = "~" if options.ascii else "…"

    def text(self, text: str, style: str = "") -> Text:
        """One line of text, sanitised."""
        return Text(isolated(sanitise(text, ascii=self.options.ascii)), style=style)

    def severity_mark(self, severity: Severity) -> Text:
        """One coloured character for a finding."""
        return Text(self._pick(_SEVERITY_MARK[severity]), style=f"bold {_SEVERITY_STYLE[severity]}")

    def verdict_mark(self, verdict: Verdict) -> Text:
        """One coloured character for a verdict; shapes differ too, for eyes and screens without colour."""
        if verdict.status == "ill":
            return self.severity_mark(verdict.severity)
        return Text(self._pick(_STATUS_MARK[verdict.status]), style=f"bold {_STATUS_STYLE[verdict.status]}")

    def verdict_style(self, verdict: Verdict) -> str:
        """The colour of a verdict's name."""
        if verdict.status == "ill":
            return _SEVERITY_STYLE[verdict.severity]
        return _STATUS_STYLE[verdict.status]

    def tail(self, text: str, width: int) -> Text:
        """At most `width` characters of a name; its end tells runs apart, so the beginning is cut."""
        safe = sanitise(text, ascii=self.options.ascii)
        if cell_len(safe) <= width:
            return Text(isolated(safe))
        while cell_len(safe) > width - 1:
            safe = safe[1:]
        return Text.assemble((self.ellipsis, "dim"), isolated(safe))

    def _pick(self, pair: str) -> str:
        return pair[1] if self.options.ascii else pair[0]
