"""The advice of ``replay --advise`` as JSON, schema ``traindiag.advice/1`` (docs/replay.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traindiag.replay.advise_text import Advice
from traindiag.replay.whatif_json import document_json, plain

SCHEMA = "traindiag.advice/1"
_CURVE = ("patience", "stop", "regret", "saved")


def advice_json(advices: Sequence[Advice]) -> str:
    """One document: regret and saving of every patience, the recommended one, the outlook."""
    return document_json(SCHEMA, [_advice(each) for each in advices])


def _advice(advice: Advice) -> dict[str, Any]:
    patience = advice.patience
    names = (
        "monitor", "mode", "best_epoch", "best", "noise", "gain", "recommended", "interval", "min_delta", "safety",
        "expected_stop",
    )  # fmt: skip
    rows = zip(*(getattr(patience, name).tolist() for name in _CURVE), strict=True)
    return {
        "name": advice.run,
        **{name: plain(getattr(patience, name)) for name in names},
        "curve": [dict(zip(_CURVE, map(plain, row), strict=True)) for row in rows],
        "outlook": plain(advice.outlook),
    }
