"""What the terminal can show: colours, width, characters; the one place that asks the environment."""

from __future__ import annotations

import os
import shutil
from enum import StrEnum
from typing import TextIO

NARROWEST, WIDEST, DEFAULT_WIDTH = 40, 200, 80


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def wants_color(stream: TextIO, choice: Color = Color.AUTO) -> bool:
    """Whether to write colours: ``--color`` first, then ``NO_COLOR``, ``FORCE_COLOR``, then the terminal.

    See no-color.org and force-color.org: any non-empty value counts.
    """
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width_of() -> int:
    """Columns to write: ``COLUMNS`` or the terminal's, 80 where there is none, 40 to 200."""
    columns = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    return min(WIDEST, max(NARROWEST, columns))


def only_ascii(stream: TextIO, characters: str = "✓✗▲●…─▁█×") -> bool:
    """Whether the stream's encoding lacks some characters, such as the marks and bars of the text report."""
    try:
        characters.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
