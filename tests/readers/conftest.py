from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traindiag.model.run import Run
from traindiag.readers.discover import find_runs


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes text or bytes to a file below the test's own folder."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def read_one(write: Callable[..., Path]) -> Callable[..., Run]:
    """The one run in a file of this content."""

    def read_one(name: str, content: str | bytes, **options: Any) -> Run:
        found = find_runs([write(name, content)], **options)
        assert found.unreadable == ()
        [run] = found.runs
        return run

    return read_one


@pytest.fixture
def refused(write: Callable[..., Path]) -> Callable[..., str]:
    """The message a file of this content is refused with."""

    def refused(name: str, content: str | bytes, **options: Any) -> str:
        found = find_runs([write(name, content)], **options)
        assert found.runs == ()
        [entry] = found.unreadable
        assert "\n" not in entry.message
        return entry.message

    return refused
