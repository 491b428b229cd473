"""Writing Markdown: text made safe, tables, docstrings as pages, and files that are written only when they change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from traindiag.cli.prose import Block, blocks

FOLDERS = ("rules", "reference")
_CODE = re.compile(r"(``.+?``|`.+?`)", re.S)
_SPECIAL = re.compile(r"([\\*_<\[\]#~])")


class Shelf:
    """The generated files below a folder.

    Args:
        docs: the folder of the book's sources.

    Attributes:
        written: what was put on the shelf, in order.
    """

    def __init__(self, docs: Path) -> None:
        self.docs = docs
        self.written: list[Path] = []

    def put(self, name: str, content: str | bytes) -> None:
        """One file, by its path below the folder; left alone where it holds the same already."""
        path = self.docs / name
        data = content.encode() if isinstance(content, str) else content
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
        self.written.append(path)

    def clear(self) -> None:
        """Take away what an earlier build wrote and this one did not: a rule may have got another name."""
        kept = set(self.written)
        for folder in FOLDERS:
            for path in (self.docs / folder).rglob("*"):
                if path.is_file() and path not in kept:
                    path.unlink()


def safe(text: str) -> str:
    """Text in which only `code` is markup."""
    parts = _CODE.split(text)
    return "".join(part if odd else _SPECIAL.sub(r"\\\1", part) for odd, part in _alternating(parts))


def _alternating(parts: Sequence[str]) -> Iterable[tuple[int, str]]:
    return ((index % 2, part) for index, part in enumerate(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def prose(docstring: str, level: int = 2) -> str:
    """A docstring as Markdown, taken apart as `traindiag explain` does; its titles become headings of `level`."""
    return "\n\n".join(_block(block, level) for block in blocks(docstring))


def _block(block: Block, level: int) -> str:
    if block.kind == "title":
        return f"{'#' * level} {block.text}"
    if block.kind == "code":
        return f"```python\n{block.text}\n```"
    if block.kind == "item":
        mark, _, text = block.text.partition(" ")
        return f"{mark} {safe(text)}"
    return safe(block.text)


def page(*parts: str) -> str:
    """The parts of a page, an empty line between them; empty parts are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def toctree(names: Iterable[str]) -> str:
    """A hidden table of contents: the sidebar shows it."""
    return "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])
