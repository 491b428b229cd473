"""Text from logs made safe to show: no control sequence reaches a terminal, no text reorders its neighbours.

Names of runs, metrics and files come from strangers. Control characters (C0, C1, so ESC, CSI and OSC too),
format characters (bidi overrides, zero-width and tag characters), line separators and lone surrogates are
shown as the escapes Python would print. See CWE-150 and Unicode Technical Report 36.
"""

from __future__ import annotations

import re
from unicodedata import bidirectional, category

_SUSPECT = re.compile(r"[^\x20-\x7e]")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ASCII = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "…": "~", "·": ".", "×": "x", "→": "->", "≤": "<=", "≥": ">=", "±": "+-"}
    | {"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "α": "alpha", "β": "beta"}
)


def sanitise(text: str, *, ascii: bool = False) -> str:
    """`text` on one line with every unsafe character as a visible escape.

    Args:
        text: anything.
        ascii: whether to escape every character outside ASCII too; common punctuation is rewritten.
    """
    safe = _SUSPECT.sub(_visible, text)
    return safe.translate(_ASCII).encode("ascii", "backslashreplace").decode() if ascii else safe


def isolated(safe: str) -> str:
    """Sanitised text whose right-to-left letters cannot reorder what stands beside it.

    Terminals that know of writing directions would pull the numbers after a Hebrew or Arabic name into it;
    the isolates U+2068 and U+2069 keep them apart (Unicode Standard Annex 9, section 2.4.2). They have no width.
    """
    if safe.isascii() or not any(bidirectional(character) in ("R", "AL") for character in safe):
        return safe
    return f"\u2068{safe}\u2069"


def sanitise_lines(text: str, *, ascii: bool = False) -> list[str]:
    """The lines of `text`, each sanitised; for snippets of code, whose line breaks mean something."""
    return [sanitise(line, ascii=ascii) for line in text.split("\n")]


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    if category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
