"""Links of hand-written pages to source files lead to the generated pages in the book.

On a code host ``[overfitting](../traindiag/rules/overfitting.py)`` shows the rule's docstring; in the book the same
link leads to the rule's page. Generated pages are never there for a code host to link to.
"""

from __future__ import annotations

import re
from typing import Any

_PAGES = (
    (r"traindiag/rules/(?!base|causes|examples|remedies)(\w+)\.py", lambda m: f"/rules/{_dashed(m[1])}.md"),
    (r"traindiag/rules/?", lambda m: "/rules/index.md"),
    (r"traindiag/readers/?", lambda m: "/reference/readers.md"),
    (r"traindiag/reports/schemas/(\w+)-1\.schema\.json", lambda m: f"/reference/{m[1]}.md"),
    (r"traindiag/reports/?", lambda m: "/reference/formats.md"),
    (r"traindiag/cli/(\w+)\.py", lambda m: f"/reference/cli/{m[1]}.md"),
    (r"traindiag/cli/?", lambda m: "/reference/cli/index.md"),
    (r"sample_logs/README\.md", lambda m: "/reference/sample-logs.md"),
    (r"README\.md", lambda m: "/index.md"),
    (r"(?:docs/)?bookmaking/gallery\.py", lambda m: "/reference/gallery.md"),
)
_OUTWARD = re.compile(r"(?<=\]\()(?:\.\./)*([^)#\s:]+)(?=[)#])")


def setup(app: Any) -> None:
    """Register with Sphinx."""
    app.connect("source-read", _rewrite)


def _rewrite(app: Any, name: str, source: list[str]) -> None:
    if not name.startswith(("rules/", "reference/")):
        source[0] = rewritten(source[0])


def rewritten(text: str) -> str:
    """The text of a page with links to sources turned into links to the book's pages."""
    return _OUTWARD.sub(lambda match: _target(match[1]) or match[0], text)


def _target(path: str) -> str | None:
    for pattern, page in _PAGES:
        match = re.fullmatch(pattern, path)
        if match:
            return str(page(match))
    return None


def _dashed(stem: str) -> str:
    return stem.replace("_", "-")
