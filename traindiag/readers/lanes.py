"""Walking a page at many places at once: one step of numpy moves every lane to its next record.

A lane is a chain of headers from a guessed beginning. Its headers are right, each has its checksum; that it began
at a record and not inside one is for the walk from the beginning of the file to confirm (see `walker`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.framing import FRAME, HEADER, headers, overlapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIDE = 16
"""Steps between two looks at checksums and at which lanes are done."""


class Lanes:
    """Chains of headers walked at the same time.

    Attributes:
        begin: page offset of each lane's first header, ascending.
        end: where each chain ended: at or behind the next lane, or at a header that is no good.
        heads: all header offsets, lane after lane; those of lane i are ``heads[cut[i]:cut[i + 1]]``.
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        begin: NDArray[np.int64],
        stop: NDArray[np.int64],
        limit: NDArray[np.int64],
    ) -> None:
        """Walks each lane to its `stop`, and over no record that ends behind its `limit`; each shape (lanes,)."""
        end = begin.copy()
        lane, taken = np.arange(len(begin)), [begin[:0]]
        while len(lane):
            heads, after = _hops(data, end[lane])
            kept = (heads < stop[lane]) & (after <= limit[lane]) & headers(data, heads)[1]
            steps = np.where(kept.all(axis=0), _STRIDE, kept.argmin(axis=0))
            kept &= np.arange(_STRIDE)[:, np.newaxis] < steps
            taken.append(heads[kept])
            whole = steps == _STRIDE
            end[lane] = np.where(
                whole, after[-1], heads[np.minimum(steps, _STRIDE - 1), np.arange(len(lane))]
            )
            lane = lane[whole]
        # Lanes do not overlap, so sorted offsets are those of lane after lane.
        self.heads = np.sort(np.concatenate(taken))
        self.cut = np.append(np.searchsorted(self.heads, begin), len(self.heads)).tolist()
        self.begin: list[int] = begin.tolist()
        self.end: list[int] = end.tolist()


def _hops(data: NDArray[np.uint8], at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The next headers from some places, and where their records end, were every length on the way right.

    Returns:
        Both of shape (`_STRIDE`, places); places outside the data are moved to its end.
    """
    sizes, top = overlapping(data, "<u4"), len(data) - HEADER
    places = np.empty((_STRIDE + 1, len(at)), dtype=np.int64)
    places[0] = at
    for here, there in pairwise(places):
        np.add(here, sizes[here], out=there)
        there += FRAME
        np.minimum(there, top, out=there)
    return places[:-1], places[1:]
