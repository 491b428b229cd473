"""Small data sets for the scenarios: scikit-learn's bundled ones, and generated ones. No download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pair = tuple["NDArray[np.float32]", "NDArray[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """Training and validation samples.

    Attributes:
        train: (x, y); x float32 of shape (n, features), y int64 classes or float32 targets, shape (n,).
        val: likewise, or None.
    """

    train: Pair
    val: Pair | None

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.train[0].shape[1])


def split(x: NDArray[Any], y: NDArray[Any], train: int, val: int | None, seed: int) -> Data:
    """Shuffles, takes `train` and `val` samples, and scales every feature by the training samples.

    Args:
        x: shape (n, features).
        y: shape (n,), classes or targets.
        train: number of training samples.
        val: number of validation samples; None for all the others.
        seed: of the shuffle.
    """
    order = np.random.default_rng(seed).permutation(len(x))
    end = len(x) if val is None else train + val
    first, second = order[:train], order[train:end]
    mean, deviation = x[first].mean(axis=0), x[first].std(axis=0)
    scaled = ((x - mean) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    # A pixel that is constant in training can lie many deviations off in validation.
    scaled = np.clip(scaled, -5.0, 5.0)
    return Data(train=(scaled[first], y[first]), val=(scaled[second], y[second]))


def digits(seed: int, train: int = 1200, val: int | None = None) -> Data:
    """Handwritten digits, 1,797 samples of 64 pixels, ten classes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split(x, y.astype(np.int64), train, val, seed)


def breast_cancer(seed: int, train: int = 400, val: int | None = None) -> Data:
    """Breast cancer Wisconsin, 569 samples of 30 features, two classes."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return split(x, y.astype(np.int64), train, val, seed)


def diabetes(seed: int, train: int = 300, val: int | None = None) -> Data:
    """Diabetes progression, 442 patients of 10 features; the target is scaled to deviation 1."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return split(x, ((y - y.mean()) / y.std()).astype(np.float32), train, val, seed)


def clusters(
    seed: int, train: int = 2000, val: int = 1000, classes: int = 4, features: int = 16, spread: float = 1.0
) -> Data:
    """Gaussian clusters that overlap: class centres of deviation `spread` around the origin, noise 1."""
    random = np.random.default_rng(seed)
    centres = random.normal(0.0, spread, (classes, features))
    y = random.integers(0, classes, train + val)
    x = centres[y] + random.normal(0.0, 1.0, (train + val, features))
    return split(x, y, train, val, seed)


def redraw_labels(y: NDArray[Any], share: float, classes: int, seed: int) -> NDArray[Any]:
    """A copy of the class labels with a random `share` of them drawn anew from all classes."""
    random = np.random.default_rng(seed)
    labels = y.copy()
    wrong = random.random(len(y)) < share
    labels[wrong] = random.integers(0, classes, int(wrong.sum()))
    return labels
