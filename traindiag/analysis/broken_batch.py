"""The first batch that broke a training, where a recorder watched for it: the fact ``bad_batch`` of a run.

It holds ``epoch`` and ``batch``, both zero-based, ``loss_finite``, and under ``arrays`` for each array of the batch
(``x``, ``y``, ``x/0``, ``sample_weight``) its ``min``, ``max`` and ``mean`` without NaN and infinity, and how many
there are of both: ``nan``, ``inf``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = {"nan": "NaN", "inf": "infinite"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenBatch:
    """The first batch whose loss, or one of whose arrays, was not finite.

    Attributes:
        epoch: zero-based; -1 where it is not told.
        where: which batch it was, and what its arrays held, in words.
        unclean: the arrays that held NaN or infinity, and how many of both.
    """

    epoch: int
    where: str
    unclean: Mapping[str, int]


def broken_batch(params: Mapping[str, Any]) -> BrokenBatch | None:
    """What the facts of a run tell; None where nobody watched or nothing broke."""
    told = params.get("bad_batch")
    if not isinstance(told, Mapping) or not isinstance(told.get("arrays"), Mapping):
        return None
    unclean: dict[str, int] = {}
    held = []
    for name, array in told["arrays"].items():
        counts = {kind: _count(array, kind) for kind in _WORDS}
        if sum(counts.values()):
            unclean[str(name)] = sum(counts.values())
            words = [f"{count} {_WORDS[kind]}" for kind, count in counts.items() if count]
            held.append(f"{name} holds {' and '.join(words)}")
    what = ", ".join(held) or "its inputs and labels are finite"
    epoch = told.get("epoch")
    return BrokenBatch(
        epoch=epoch if isinstance(epoch, int) else -1,
        where=f"batch {told.get('batch')} of epoch {epoch} was the first to break, {what}",
        unclean=unclean,
    )


def _count(array: Any, kind: str) -> int:
    value = array.get(kind) if isinstance(array, Mapping) else None
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) and value >= 1 else 0
