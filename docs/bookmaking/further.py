"""Pages that the table of contents does not name yet get a place in it: a new page breaks nobody's build.

The line ``(further pages)`` of a table of contents in ``index.md`` stands for them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MARK = "(further pages)"


def setup(app: Any) -> None:
    """Register with Sphinx."""
    app.connect("source-read", _fill)


def _fill(app: Any, name: str, source: list[str]) -> None:
    if name == "index":
        source[0] = source[0].replace(MARK, "\n".join(further_pages(source[0], Path(app.srcdir))))


def further_pages(index: str, docs: Path) -> list[str]:
    """The pages beside ``index.md`` that no line of it names."""
    named = set(re.findall(r"^(?:.*<)?([\w./-]+)>?$", index, re.M))
    return [path.stem for path in sorted(docs.glob("*.md")) if path.stem not in named | {"index"}]
