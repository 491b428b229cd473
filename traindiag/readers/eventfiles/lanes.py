"""Walking a page at many places at once: one step of numpy moves every lane to its next record.

A lane is a chain of headers from a guessed beginning. Its headers are right, each has its checksum; that it began
at a record and not inside one is for the walk from the beginning of the file to confirm (see `walker`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from traindiag.readers.eventfiles.framing import FRAME, are_right, headers

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        lane, at = np.arange(len(begin)), begin
        taken = [begin[:0]]
        while len(at):
            heads = headers(data, at)
            after = at + FRAME + heads["low"]
            good = are_right(heads) & (after <= limit)
            if not good.all():
                end[lane[~good]] = at[~good]
                lane, at, after, stop, limit = (x[good] for x in (lane, at, after, stop, limit))
            taken.append(at)
            at = after
            going = at < stop
            if not going.all():
                end[lane[~going]] = at[~going]
                lane, at, stop, limit = (x[going] for x in (lane, at, stop, limit))
        # Lanes do not overlap, so sorted offsets are those of lane after lane.
        self.heads = np.sort(np.concatenate(taken))
        self.cut = np.append(np.searchsorted(self.heads, begin), len(self.heads)).tolist()
        self.begin: list[int] = begin.tolist()
        self.end: list[int] = end.tolist()
