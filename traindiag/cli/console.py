"""The console of all pages that are printed line by line."""

from __future__ import annotations

import sys

from rich.console import Console


class Pipe(Console):
    """A console that lets a closed pipe be noticed; rich itself would end the process with 1, as a gate does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def plain_console(width: int, *, color: bool) -> Console:
    """A console on standard output that takes no markup, emoji or links from text.

    Args:
        width: columns.
        color: whether to colour.
    """
    return Pipe(
        file=sys.stdout,
        width=width,
        color_system="standard" if color else None,
        force_terminal=color or None,
        no_color=not color,
        emoji=False,
        markup=False,
        highlight=False,
    )
