"""Per-epoch averages, and the way back from Keras' running means to the losses of single batches.

Keras' epoch loss is the mean over the epoch's samples: ``keras.metrics.Mean`` keeps
``total = sum(loss_i * size_i)`` and ``count = sum(size_i)`` and reports ``total / count``
(``keras/src/metrics/reduction_metrics.py``). ``Trainer.fit`` resets it when an epoch begins, and hands
its result to callbacks after every batch. So the values that Keras 3 logs for batches, ``batch_loss`` in
event files and the ``logs`` of ``on_train_batch_end``, are running means r_1 .. r_k of the epoch: r_k, the
last one, is the epoch's value, and their average is not.

``Model.train_on_batch`` of Keras 3.15 resets the metrics before each batch
(``keras/src/backend/tensorflow/trainer.py``): what it returns is the loss of a single batch, and the
size-weighted mean of these is the epoch's value. Where a version does not reset them, it returns running means.
tests/capture/test_epoch_means.py shows both on real trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def mean_per_epoch(
    value: ArrayLike, epoch: ArrayLike, weight: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Mean of single-batch values over each epoch: ``sum(weight * value) / sum(weight)``.

    Args:
        value: shape (n,), one value a batch; NaN makes its epoch NaN.
        epoch: shape (n,), in any order.
        weight: shape (n,), samples in each batch; all the same when None.

    Returns:
        The epochs, ascending, and their means, both of shape (epochs,).
    """
    values = np.asarray(value, dtype=np.float64)
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    epochs, place = np.unique(np.asarray(epoch, dtype=np.int64), return_inverse=True)
    total = np.bincount(place, weights=values * weights, minlength=len(epochs))
    with np.errstate(invalid="ignore", divide="ignore"):
        return epochs, total / np.bincount(place, weights=weights, minlength=len(epochs))


def last_per_epoch(value: ArrayLike, epoch: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The last value of each epoch: what Keras' running means come to.

    Args:
        value: shape (n,), in the order logged.
        epoch: shape (n,).

    Returns:
        The epochs, ascending, and their last values, both of shape (epochs,).
    """
    values = np.asarray(value, dtype=np.float64)
    epochs, first_from_behind = np.unique(np.asarray(epoch, dtype=np.int64)[::-1], return_index=True)
    return epochs, values[::-1][first_from_behind]


def batch_losses_from_running_means(running: ArrayLike, sizes: ArrayLike) -> NDArray[np.float64]:
    """The losses of the single batches of one epoch.

    With ``N_i = size_1 + .. + size_i`` the running mean is ``r_i = (N_(i-1) * r_(i-1) + size_i * l_i) / N_i``,
    so ``l_i = (N_i * r_i - N_(i-1) * r_(i-1)) / size_i``.

    Args:
        running: shape (n,), the running means of one epoch, every batch logged.
        sizes: shape (n,), samples in each batch, or one number for all.

    Returns:
        Shape (n,). Rounding grows with i: running means kept as float32 leave an error of about
        ``6e-8 * i * r_i``. From the first NaN or infinity on nothing can be told: NaN.
    """
    means = np.asarray(running, dtype=np.float64)
    size = np.broadcast_to(np.asarray(sizes, dtype=np.float64), means.shape)
    with np.errstate(invalid="ignore"):
        total = np.cumsum(size) * means
        losses: NDArray[np.float64] = np.diff(total, prepend=0.0) / size
    return losses


def epochs_from_boundaries(step: ArrayLike, boundary: ArrayLike) -> NDArray[np.int64]:
    """The epoch each step belongs to, when the last step of every epoch is known.

    Epoch k holds the steps above ``boundary[k - 1]`` up to and including ``boundary[k]``. Steps above
    the last boundary belong to the epoch after it, which is not over.

    Args:
        step: shape (n,).
        boundary: shape (epochs,), ascending: the last step of epoch 0, 1, ...

    Returns:
        int64, shape (n,), zero-based.
    """
    ends = np.asarray(boundary, dtype=np.int64)
    if np.any(np.diff(ends) < 0):
        raise ValueError("boundaries must ascend")
    return np.searchsorted(ends, np.asarray(step, dtype=np.int64), side="left").astype(np.int64)


def better_by_step(epochs: Sequence[float], points: int) -> bool:
    """Whether a run of few epochs has so many points in each that steps tell more.

    Args:
        epochs: (fractional) epochs of its points.
        points: how many values its most frequent training series has.
    """
    if not epochs:
        return False
    spanned = max(epochs) - min(epochs) + 1
    return spanned < 8 and points > 2 * spanned
