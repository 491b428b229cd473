"""What a recorder wrote beside the logs of a run: ``run.json`` with batch size, optimizer, callbacks, device."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

SCHEMA = "traindiag.run/1"
MOST_FACT_BYTES = 256 << 10
_MOST_FACTS = 100


def facts_beside(folder: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The facts in a folder's ``run.json``; none where there is no such file, or it is of another kind or broken.

    Args:
        folder: of one run.
    """
    path = os.path.join(folder, "run.json")
    try:
        # Anything but a plain file, such as a pipe, could be read for ever.
        if not os.path.isfile(path) or os.path.getsize(path) > MOST_FACT_BYTES:
            return {}
        with open(path, "rb") as file:
            return facts_of(file.read(MOST_FACT_BYTES))
    except (OSError, ValueError):
        return {}


def facts_of(data: bytes) -> Mapping[str, Any]:
    """The facts in the content of a ``run.json``; none when it is of another kind or broken."""
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        return {}
    return {name: value for name, value in list(facts.items())[:_MOST_FACTS] if name != "schema"}
