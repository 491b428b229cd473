"""What one event file holds, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from traindiag.readers.eventfiles.framing import Loss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_LOSSES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Scalars:
    """The points of one tag of one file, in the order of the file.

    Attributes:
        step: int64, shape (n,).
        wall_time: float64 seconds, shape (n,).
        value: float64, shape (n,).
        order: int64, shape (n,), ascending: the number of the record among all records read.
    """

    step: NDArray[np.int64]
    wall_time: NDArray[np.float64]
    value: NDArray[np.float64]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)


@dataclass(slots=True, eq=False)
class EventFile:
    """What one event file holds.

    Attributes:
        scalars: by tag, in the order of first appearance.
        losses: what could not be read; from the thousandth place on summed up in the last entry.
        records: how many records were read.
        version: ``brain.Event:2``; empty when the file does not say.
        starts: steps at which a session log says that a session started.
        keras: the JSON that Keras' TensorBoard callback writes of the model; None when there is none.
        hparams: hyper-parameters of the hparams plugin.
        notes: what was unusual, in few words.
        digest: over the checksums of all records, 16 bytes.
    """

    scalars: dict[str, Scalars] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    records: int = 0
    version: str = ""
    starts: list[int] = field(default_factory=list)
    keras: bytes | None = None
    hparams: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    digest: bytes = b""

    def lose(self, loss: Loss) -> None:
        """Note some damage."""
        if len(self.losses) < _MOST_LOSSES:
            self.losses.append(loss)
            return
        last = self.losses[-1]
        self.losses[-1] = Loss(
            last.offset, last.size + loss.size, last.records + loss.records, "further damage"
        )
