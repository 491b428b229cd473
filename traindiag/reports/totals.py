"""How many runs fared how, in one line."""

from __future__ import annotations

from traindiag.model.report import Report
from traindiag.reports.numbers import counted


def totals(report: Report) -> str:
    """``11 runs: 6 ill, 4 healthy, 1 not judged; 1 file unreadable``."""
    words = {"ill": "ill", "healthy": "healthy", "unjudged": "not judged"}
    counts = {status: sum(run.verdict.status == status for run in report.runs) for status in words}
    parts = ", ".join(f"{count:,} {words[status]}" for status, count in counts.items() if count)
    line = counted(len(report.runs), "run") + (f": {parts}" if parts else "")
    return f"{line}; {counted(len(report.unreadable), 'file')} unreadable" if report.unreadable else line
