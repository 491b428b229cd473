"""The bounded run of tests/benchmarks/mutate_events.py, which does the same a million times."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "mutate_events.py"
COUNT = 3_000


def test_thousands_of_damaged_event_files_give_no_wrong_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("mutate_events", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", ["mutate_events.py", "--count", str(COUNT), "--seed", "11"])
    assert script.main() == 0
    assert f"{COUNT:,} damaged files" in capsys.readouterr().out
