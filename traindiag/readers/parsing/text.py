"""Bytes of unknown encoding to text, text to lines."""

from __future__ import annotations

import re
from functools import lru_cache

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LINE_END = re.compile(r"\r*\n|\r")
_CONTROLS = (*range(7), *range(0x0E, 0x1B), *range(0x1C, 0x20))
_TEXT_BYTES = bytes(byte for byte in range(256) if byte not in _CONTROLS)
"""Every byte that may stand in text: all but control characters that are neither blanks nor terminal codes."""
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")


def decode(data: bytes) -> tuple[str, str]:
    """The text and the encoding it was taken for: by byte order mark, else UTF-8, else Latin-1.

    Latin-1 maps every byte, so metric names and numbers survive whatever the other letters meant.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace").removeprefix("\ufeff"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # A head cut inside a character is still UTF-8.
        if error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8"), "utf-8"
        return data.decode("latin-1"), "latin-1"


@lru_cache(maxsize=2)
def decode_head(head: bytes) -> str | None:
    """The text of a file's beginning, None where the bytes are no text."""
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and head.translate(None, _TEXT_BYTES):
        return None
    return decode(head)[0]


def split_lines(text: str) -> list[str]:
    r"""Lines ended by ``\n``, ``\r\n``, ``\r\r\n`` (Windows text mode twice) or a bare ``\r``."""
    if "\r" not in text:
        return text.split("\n")
    return _LINE_END.split(text)


def strip_ansi(text: str) -> str:
    """Without terminal colour and cursor sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text
