"""Docstrings as pages at a terminal: paragraphs reflowed, titles, lists and code told apart."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from traindiag.cli.console import plain_console
from traindiag.cli.terminal import Color, only_ascii, wants_color, width_of
from traindiag.reports.sanitise import sanitise

TITLES = frozenset({"why it matters", "evidence", "remedies", "when to ignore", "references", "options"})
PAGE_WIDTH = 100
"""Longer lines are tiring to read, however wide the terminal."""

_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
_CODE = re.compile(r"``(.+?)``|`(.+?)`")

Kind = Literal["title", "paragraph", "item", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A title, a paragraph, one item of a list, or lines of code."""

    kind: Kind
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a dedented docstring."""
    indent = 0
    for chunk in re.split(r"\n[ \t]*\n", page.strip("\n")):
        lines = chunk.split("\n")
        if _is_title(lines[0]):
            yield Block("title", lines.pop(0).strip(" #:"))
            if lines and re.fullmatch(r"[-=~^]+", lines[0].strip()):
                lines.pop(0)
            indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        yield from _body([line.removeprefix(" " * indent) for line in lines])


def _is_title(line: str) -> bool:
    return line.strip(" #:").lower() in TITLES


def _dedented(lines: list[str]) -> list[str]:
    from textwrap import dedent

    return dedent("\n".join(lines)).split("\n") if lines else []


def _body(lines: list[str]) -> Iterator[Block]:
    if not any(line.strip() for line in lines):
        return
    if all(line.startswith("    ") for line in lines if line.strip()):
        yield Block("code", "\n".join(_dedented(lines)))
        return
    gathered: list[str] = []
    for line in lines:
        if _ITEM.match(line) and gathered:
            yield _prose(gathered)
            gathered = []
        gathered.append(line)
    yield _prose(gathered)


def _prose(lines: list[str]) -> Block:
    text = " ".join(line.strip() for line in lines)
    return Block("item" if _ITEM.match(lines[0]) else "paragraph", re.sub("::$", ":", text))


class Page:
    """Prints prose to standard output.

    Args:
        color: when to colour.
    """

    def __init__(self, color: Color) -> None:
        self.ascii = only_ascii(sys.stdout)
        self.width = min(PAGE_WIDTH, width_of())
        self.console = plain_console(self.width, color=wants_color(sys.stdout, color))

    def line(self, text: str | Text = "", style: str = "") -> None:
        """One line, as long as it is."""
        self.console.print(self.text(text, style) if isinstance(text, str) else text, soft_wrap=True)

    def text(self, text: str, style: str = "") -> Text:
        """Safe text with ``code`` marked."""
        marked = Text(style=style)
        at = 0
        safe = sanitise(text, ascii=self.ascii)
        for match in _CODE.finditer(safe):
            marked.append(safe[at : match.start()]).append(match[1] or match[2], style="cyan")
            at = match.end()
        return marked.append(safe[at:])

    def wrapped(self, text: str | Text, *, indent: int = 0, hang: int = 0, style: str = "") -> None:
        """A paragraph at the page's width."""
        body = self.text(text, style) if isinstance(text, str) else text
        for number, line in enumerate(body.wrap(self.console, self.width - indent - hang)):
            line.rstrip()
            self.line(Text.assemble(" " * (indent + (hang if number else 0)), line))

    def beside(self, head: str | Text, text: str, indent: int) -> None:
        """A row of a list: `head` in the first `indent` columns, the text wrapped beside it."""
        head = Text(head) if isinstance(head, str) else head
        for number, line in enumerate(self.text(text).wrap(self.console, self.width - indent)):
            line.rstrip()
            blank = " " * (indent - (0 if number else head.cell_len))
            self.line(Text.assemble(blank, line) if number else Text.assemble(head, blank, line))

    def prose(self, page: str, *, indent: int = 0) -> None:
        """A whole docstring."""
        before: Kind | None = None
        for block in blocks(page):
            if before is not None and before != "title" and (block.kind, before) != ("item", "item"):
                self.line()
            self._block(block, indent)
            before = block.kind

    def _block(self, block: Block, indent: int) -> None:
        if block.kind == "title":
            self.line(block.text, "bold underline")
        elif block.kind == "code":
            for line in block.text.split("\n"):
                self.line(Text.assemble(" " * (indent + 4), (sanitise(line, ascii=self.ascii), "green")))
        else:
            match = _ITEM.match(block.text)
            self.wrapped(block.text, indent=indent, hang=len(match[0]) if match else 0)
