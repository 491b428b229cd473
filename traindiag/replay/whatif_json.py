"""A what-if as JSON, schema ``traindiag.whatif/1`` (docs/replay.md)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from traindiag.replay.whatif import WhatIf
from traindiag.reports.numbers import json_number

SCHEMA = "traindiag.whatif/1"


def what_if_json(outcomes: Sequence[WhatIf]) -> str:
    """One document, ASCII only; NaN and infinities are strings, what is unknown is null."""
    return document_json(SCHEMA, [plain(outcome) for outcome in outcomes])


def document_json(schema: str, runs: Sequence[Any]) -> str:
    """A document of this room: schema, version, one entry a run."""
    from traindiag import __version__

    document = {"schema": schema, "version": __version__, "runs": list(runs)}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Dataclasses, tuples and floats as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return json_number(value) if isinstance(value, float) else value
