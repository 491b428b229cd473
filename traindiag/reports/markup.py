"""Markdown that GitHub shows whole, and in which text from logs stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from traindiag.reports.numbers import counted
from traindiag.reports.sanitise import sanitise

LIMIT = 1 << 20
"""GitHub drops a step summary above 1 MiB."""
_ROOM_FOR_NOTE = 200
_SPECIAL = re.compile(r"[\\`*\[\]#|~<>&@$]|(?<![^\W_])_|_(?![^\W_])|(?<=\w):(?=//)|(?<=www)\.", re.I)
"""What could start markup, HTML, a mention, a reference or a link inside a line."""


def markdown_text(text: str) -> str:
    """Log text that stays text: no markup, no HTML, no mention, no link."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", sanitise(text))


def cut(sections: Sequence[str]) -> str:
    """The sections that fit, and a note when some do not."""
    kept, size = [], 0
    for number, section in enumerate(sections):
        size += len(section.encode())
        if size > LIMIT - _ROOM_FOR_NOTE:
            left = counted(len(sections) - number, "section or row", "sections and rows")
            kept.append(f"\n\n_Cut at 1 MiB: {left} left out; `--format json` has everything._\n")
            break
        kept.append(section)
    return "".join(kept)
