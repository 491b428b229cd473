"""One run, two best epochs: that of the lowest value logged, and that of the curve the verdict goes by."""

from __future__ import annotations

from traindiag.model.report import RunReport
from traindiag.reports.numbers import short

_SINCE_BEST = "rise above its best"
"""How the note of evidence begins whose first epoch is the best one of the judged curve."""


def best_note(run: RunReport) -> str:
    """Why the verdict names another best epoch than tables and charts; empty where it does not.

    Long curves are judged by means of some epochs each, and a lone lucky epoch far from the others does not count.
    """
    if run.best is None or not run.trends:
        return ""
    best, monitored = run.best, run.trends[-1].series
    judged = {
        evidence.epochs[0]
        for finding in run.findings
        if finding.rule == run.verdict.rule
        for evidence in finding.evidence
        if evidence.series == monitored and evidence.note.startswith(_SINCE_BEST)
    } - {best.epoch}
    if not judged:
        return ""
    return (
        f"Epoch {min(judged)} is the best of the smoothed curve, by which the run is judged; the lowest {best.monitor} "
        f"logged is {short(best.value)}, at epoch {best.epoch}."
    )
