"""Small data sets for the scenarios: scikit-learn's bundled ones, and generated ones. No download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pair = tuple["NDArray[np.float32]", "NDArray[Any]"]
TRAIN, VAL, TEST = 960, 384, 400
"""Samples of each split, unless a scenario wants others or the data set has fewer; whole batches of 32 or 64."""
_LARGEST_SHARE = 0.56
"""Of a bundled data set that training may take; the rest is for validation and test."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """The samples of one training.

    Attributes:
        train: (x, y); x float32 of shape (n, features), y int64 classes or float32 targets, shape (n,).
        val: likewise, or None.
        test: likewise; clean samples that neither training nor its validation sees.
        classes: how many; None for regression.
    """

    train: Pair
    val: Pair | None
    test: Pair
    classes: int | None

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.train[0].shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Where samples come from.

    Attributes:
        classes: how many; None for regression.
        samples: from a seed and a number to x and y; generated sets give that many, bundled ones all they have.
    """

    classes: int | None
    samples: Callable[[int, int], tuple[NDArray[Any], NDArray[Any]]]

    @property
    def task(self) -> str:
        """``classification`` or ``regression``."""
        return "regression" if self.classes is None else "classification"


def load(name: str, seed: int, *, train: int = TRAIN, val: int = VAL) -> Data:
    """A data set, shuffled, split, and scaled by its training samples.

    Args:
        name: of `DATA_SETS`.
        seed: of the samples, where they are generated, and of the shuffle.
        train, val: number of samples; fewer where a bundled data set has not as many.

    Raises:
        UsageError: there is no such data set.
    """
    source = data_set(name)
    x, y = source.samples(seed, train + val + TEST)
    y = y.astype(np.int64) if source.classes else ((y - y.mean()) / y.std()).astype(np.float32)
    train = min(train, _whole_batches(len(x) * _LARGEST_SHARE))
    val = min(val, _whole_batches((len(x) - train) / 2))
    order = np.random.default_rng(seed).permutation(len(x))
    parts = order[:train], order[train : train + val], order[train + val : train + val + TEST]
    first, second, third = ((_scaled(x, x[parts[0]])[part], y[part]) for part in parts)
    return Data(train=first, val=second, test=third, classes=source.classes)


def _whole_batches(samples: float) -> int:
    """So many samples, or a few less: a last batch of another size would be compiled by itself."""
    return max(int(samples) // 32, 1) * 32


def data_set(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in DATA_SETS:
        raise UsageError(
            f"there is no data set {name!r}",
            next_step=did_you_mean(name, list(DATA_SETS), f"there are {', '.join(DATA_SETS)}"),
        )
    return DATA_SETS[name]


def _scaled(x: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float32]:
    mean, deviation = reference.mean(axis=0), reference.std(axis=0)
    scaled = (x - mean) / np.where(deviation > 0, deviation, 1.0)
    # A pixel that is constant in training can lie many deviations off in validation.
    clipped: NDArray[np.float32] = np.clip(scaled, -5.0, 5.0).astype(np.float32)
    return clipped


def redraw_labels(y: NDArray[Any], share: float, classes: int | None, seed: int) -> NDArray[Any]:
    """A copy of the labels with a random `share` of them drawn anew.

    Args:
        y: classes, or targets.
        share: 0 to 1.
        classes: classes are drawn from all of them; None for targets, which are drawn from each other.
        seed: of the choice and the draw.
    """
    random = np.random.default_rng(seed)
    labels = y.copy()
    wrong = random.random(len(y)) < share
    count = int(wrong.sum())
    labels[wrong] = random.choice(y, count) if classes is None else random.integers(0, classes, count)
    return labels


def _bundled(loader: str) -> Callable[[int, int], tuple[NDArray[Any], NDArray[Any]]]:
    """A data set that comes with scikit-learn: always the same samples."""

    def samples(seed: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn import datasets

        x, y = getattr(datasets, loader)(return_X_y=True)
        return x, y

    return samples


def _generated(maker: str, **settings: Any) -> Callable[[int, int], tuple[NDArray[Any], NDArray[Any]]]:
    """One of scikit-learn's generators."""

    def samples(seed: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn import datasets

        x, y = getattr(datasets, maker)(n_samples=wanted, random_state=seed, **settings)
        # Hastie's labels are -1 and 1.
        return x, np.maximum(y, 0) if maker == "make_hastie_10_2" else y

    return samples


def _clusters(
    spread: float, shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25), features: int = 16
) -> Callable[[int, int], tuple[NDArray[Any], NDArray[Any]]]:
    """Gaussian clusters that overlap: class centres of deviation `spread` around the origin, noise 1."""

    def samples(seed: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
        random = np.random.default_rng(seed)
        centres = random.normal(0.0, spread, (len(shares), features))
        y = random.choice(len(shares), wanted, p=shares)
        return centres[y] + random.normal(0.0, 1.0, (wanted, features)), y

    return samples


def _spirals(seed: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Three arms of a spiral in the plane, three quarters of a turn each."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, wanted)
    along = random.uniform(0.15, 1.0, wanted)
    angle = 2 * np.pi * (0.75 * along + y / 3) + random.normal(0.0, 0.12, wanted)
    return along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), y


DATA_SETS: dict[str, DataSet] = {
    "digits": DataSet(classes=10, samples=_bundled("load_digits")),
    "breast-cancer": DataSet(classes=2, samples=_bundled("load_breast_cancer")),
    "clusters": DataSet(classes=4, samples=_clusters(0.8)),
    "overlapping": DataSet(classes=4, samples=_clusters(0.5)),
    "imbalanced": DataSet(classes=2, samples=_clusters(0.8, (0.94, 0.06))),
    "moons": DataSet(classes=2, samples=_generated("make_moons", noise=0.2)),
    "rings": DataSet(classes=2, samples=_generated("make_circles", noise=0.08, factor=0.5)),
    "quantiles": DataSet(classes=4, samples=_generated("make_gaussian_quantiles", n_features=6, n_classes=4)),
    "hastie": DataSet(classes=2, samples=_generated("make_hastie_10_2")),
    "hypercube": DataSet(
        classes=3,
        samples=_generated(
            "make_classification", n_features=12, n_informative=8, n_classes=3, class_sep=1.6, flip_y=0.02
        ),
    ),
    "spirals": DataSet(classes=3, samples=_spirals),
    "diabetes": DataSet(classes=None, samples=_bundled("load_diabetes")),
    "friedman": DataSet(classes=None, samples=_generated("make_friedman1", noise=1.0)),
    "friedman-three": DataSet(classes=None, samples=_generated("make_friedman3", noise=0.1)),
    "sparse": DataSet(classes=None, samples=_generated("make_sparse_uncorrelated", n_features=12)),
}
"""By name. Bundled: digits (1,797 samples, 64 pixels), breast-cancer (569 of 30), diabetes (442 of 10)."""
