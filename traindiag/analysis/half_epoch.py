"""Keras' half-epoch shift, taken out.

The training loss of epoch e is the mean over the epoch, so it stands for the weights at its middle; the
validation loss is measured at its end, half an epoch later. While the loss falls, validation would lie
below training even on the same data. Both belong together at e + 1/2 of the training curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from traindiag.model.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray


def paired_at_epoch_end(
    train: Curve, val: Curve
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Epochs, training values at the ends of these epochs, and validation values; all of shape (n,).

    The last epoch has no successor to interpolate with and is left out.
    """
    known = np.isfinite(train.value)
    epochs, values = train.epoch[known], train.value[known]
    if len(epochs) < 2:
        nothing = np.empty(0)
        return np.empty(0, dtype=np.int64), nothing, nothing
    pairs = np.isfinite(val.value) & (val.epoch >= epochs[0]) & (val.epoch < epochs[-1])
    at = val.epoch[pairs]
    return at, np.interp(at + 0.5, epochs, values), val.value[pairs]
