"""A replay as JSON, schema ``traindiag.replay/1`` (docs/replay.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from traindiag.model.run import Run
from traindiag.replay.changes import Known
from traindiag.replay.play import play
from traindiag.replay.whatif_json import document_json, plain

SCHEMA = "traindiag.replay/1"


def replay_json(runs: Iterable[Run]) -> str:
    """The verdict after each epoch, what came and went, and the first warning, of each run."""
    return document_json(SCHEMA, [_run(run) for run in runs])


def _run(run: Run) -> dict[str, Any]:
    known = Known()
    moments = [
        {
            "epoch": moment.epoch,
            "logs": {name: plain(value) for name, value in moment.logs.items()},
            "verdict": moment.report.verdict.rule,
            "new": [each.rule for each in moment.change.new],
            "cleared": [each.rule for each in moment.change.cleared],
        }
        for moment in play(run, known)
    ]
    first = None
    if known.first is not None:
        epoch, finding = known.first
        first = {"epoch": epoch, "rule": finding.rule, "code": finding.code, "message": finding.message}
    return {"name": run.name, "first_warning": first, "moments": moments}
