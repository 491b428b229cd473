"""Looking at web pages without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img"}
ALLOWED = frozenset(
    "html head meta title style body a header h1 p button main section h2 ul li code form label input output "
    "div table thead tr th span tbody td b svg path rect g text line details summary h3 ol br pre figure "
    "figcaption script footer".split()
)


class Page(HTMLParser):
    """Tags and attributes of a page; raises when elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @property
    def links(self) -> list[str | None]:
        """Where its links lead."""
        return [value for name, value in self.attributes if name == "href"]

    def check(self) -> None:
        """No element and no attribute but ours: nothing that runs, fetches or sends."""
        assert self.tags <= ALLOWED
        names = {name for name, _ in self.attributes}
        assert not {name for name in names if name.startswith("on")}
        assert "style" not in names
        assert names.isdisjoint({"src", "srcset", "action", "formaction", "xlink:href"})


def without_assets(text: str) -> str:
    """The page without its style, its script and their hashes: golden files need not change with them."""
    text = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", text, flags=re.S)
    return re.sub(r"sha256-[^&]*", "sha256-", text)
