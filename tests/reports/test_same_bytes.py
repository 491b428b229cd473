"""The same logs give the same bytes in every format, whatever the process: no clock, no order of a set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from traindiag.reports.base import all_renderers
from traindiag.reports.comparisons.base import FORMATS

SAMPLES = Path(__file__).parents[2] / "sample_logs"
SCRIPT = """
import hashlib, json, sys
from traindiag.comparison.compare import compare_runs
from traindiag.comparison.shapes import ComparisonReport
from traindiag.diagnosis import diagnose_runs
from traindiag.readers.discover import find_runs
from traindiag.reports.base import all_renderers, render
from traindiag.reports.comparisons.base import FORMATS, render_comparison
found = find_runs(["overfitting", "converged"])
report = diagnose_runs(found.runs, found.unreadable)
compared = ComparisonReport(comparisons=(compare_runs({run.name: [run] for run in found.runs}),))
texts = {each: render(report, each) for each in all_renderers()}
texts |= {f"comparison-{each}": render_comparison(compared, each) for each in FORMATS.all()}
print(json.dumps({each: hashlib.sha256(text.encode()).hexdigest() for each, text in texts.items()}))
"""


def digests(hash_seed: str, zone: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        cwd=SAMPLES,
        env=dict(os.environ) | {"PYTHONHASHSEED": hash_seed, "TZ": zone},
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_two_processes_write_the_same() -> None:
    first = digests("1", "UTC")
    assert set(first) == {*all_renderers(), *(f"comparison-{each}" for each in FORMATS.all())}
    assert len(set(first.values())) == len(first)
    assert digests("2", "Asia/Tokyo") == first
