from __future__ import annotations

import io
import sys
import time

import pytest

from traindiag.cli import progress
from traindiag.cli.progress import advancing, duration, how_far
from traindiag.fleet.stream import Tally


def test_how_far() -> None:
    assert how_far(Tally(found=9), None, 1.0) == "0 runs judged, 0 ill; 9 more found"
    assert (
        how_far(Tally(found=90, done=1, runs=1), 1_000, 60.0)
        == "1 runs judged, 0 ill; 999 of 1,000 folders left"
    )
    tally = Tally(found=5_000, done=2_000, runs=4_000, ill=31)
    assert how_far(tally, 10_000, 4.0) == (
        "4,000 runs judged, 31 ill; 1,000/s; 8,000 of 10,000 folders left, 16 s"
    )
    assert how_far(tally, None, 4.0) == "4,000 runs judged, 31 ill; 1,000/s; 3,000 more found"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (99, "99 s"), (600, "10 min"), (36_000, "10.0 h")]
)
def test_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_on_a_terminal_and_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    for stream, seconds, shown in (
        (io.StringIO(), 0.4, False),
        (Terminal(), 0.0, False),
        (Terminal(), 0.6, True),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        with advancing(Tally(found=40, done=30, runs=30), lambda: 100):
            time.sleep(seconds)
        assert ("runs judged" in stream.getvalue()) == shown
        assert ("70 of 100 folders left" in stream.getvalue()) == shown
