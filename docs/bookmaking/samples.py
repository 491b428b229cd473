"""The page of the recorded runs: the README beside them."""

from __future__ import annotations

from pathlib import Path

from bookmaking.pages import Shelf

README = Path(__file__).parents[2] / "sample_logs" / "README.md"


def write(shelf: Shelf) -> None:
    """The page as it stands there."""
    shelf.put("reference/sample-logs.md", README.read_text(encoding="utf-8"))
