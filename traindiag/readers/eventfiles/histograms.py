"""Histogram summaries reduced to what rules can judge: extremes, mean, norm and the fraction of zeros.

Two kinds are written. ``HistogramProto`` (TensorFlow 1, PyTorch, tensorboardX) holds the exact extremes, number, sum
and sum of squares beside its buckets. The tensor of TensorBoard's second plugin version, which Keras' TensorBoard
callback writes with ``histogram_freq=1``, has shape (k, 3): left edge, right edge and count of each bucket. Of it
the mean and the norm are estimates: values count as spread evenly over their bucket, whose mean square is
(l^2 + l r + r^2) / 3.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from traindiag.readers.eventfiles import protowire

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARK = "\x1f"
"""Stands between the tag of a histogram and the name of a statistic; no writer has it in a tag."""
_NARROW = 1e-6
"""A bucket around zero no wider than this part of the largest value holds zeros, and next to nothing else."""
_MOST_BUCKETS = 100_000
_DOUBLE, _FLOAT = 2, 1
_GRADIENT = re.compile(r"grad(ient)?s?", re.I)
_ACTIVATION = re.compile(r"activations?", re.I)
_SAYS_NOTHING = re.compile(r"histograms?", re.I)
_WEIGHTS = re.compile(r"weights?|params?|parameters?", re.I)
_SUFFIX = re.compile(r"_(grad(?:ient)?s?|activations?)$", re.I)
_PARTS = re.compile(r"[^/.]+|[/.]")


class Statistics(NamedTuple):
    """What a histogram tells of the values it counts.

    Attributes:
        min, max, mean: of the values.
        norm: the root of the sum of squares.
        fraction_zero: the share of zeros, 0 to 1; None where the buckets are too wide to tell.
    """

    min: float
    max: float
    mean: float
    norm: float
    fraction_zero: float | None


def statistics(payload: bytes, value: protowire.Value) -> Statistics | None:
    """The statistics of a histogram in an event's bytes; None where the value is none or counts nothing."""
    if value.body is None:
        return None
    try:
        with np.errstate(all="ignore"):  # Weights may be infinite, and are then told as such.
            if value.kind == 5:
                return _of_message(payload, *value.body)
            if value.kind == 8 and value.plugin == b"histograms":
                return _of_tensor(payload, *value.body)
    except protowire.WireError:
        pass
    return None


def metric_of(tag: str, statistic: str) -> str:
    """The metric's name for one statistic of the histogram under a tag.

    It is the name that `traindiag.analysis.gradients` understands: ``gradient_norm/<layer>`` for gradients,
    ``zero_fraction/<layer>`` for activations; ``weight_norm/<layer>`` and the like for all others.
    """
    parts = [part for part in _PARTS.findall(_SUFFIX.sub(r".\1", tag)) if not _SAYS_NOTHING.fullmatch(part)]
    kind = "weight"
    for name, pattern in (("gradient", _GRADIENT), ("activation", _ACTIVATION)):
        if kind == "weight" and any(map(pattern.fullmatch, parts)):
            kind, parts = name, [part for part in parts if not pattern.fullmatch(part)]
    if kind == "weight" and len(parts) > 1 and _WEIGHTS.fullmatch(parts[0]):
        parts = parts[1:]
    layer = re.sub(r"([/.])[/.]+", r"\1", "".join(parts)).strip("/.") or tag
    if kind == "activation" and statistic == "fraction_zero":
        return f"zero_fraction/{layer}"
    return f"{kind}_{statistic}/{layer}"


def _of_message(data: bytes, begin: int, end: int) -> Statistics | None:
    """Of a ``HistogramProto``: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7."""
    numbers: dict[int, list[NDArray[np.float64]]] = {number: [] for number in range(1, 8)}
    for part in protowire.fields(data, begin, end):
        size = part.end - part.begin
        fits = part.wire in (protowire.FIXED64, protowire.BYTES) and size > 0 and size % 8 == 0
        if part.number in numbers and fits:
            numbers[part.number].append(np.frombuffer(data[part.begin : part.end], "<f8"))
    low, high, count, total, squares = (float(numbers[n][-1][-1]) if numbers[n] else 0.0 for n in range(1, 6))
    if not count > 0:
        return None
    limits, counts = (np.concatenate(numbers[n]) if numbers[n] else np.empty(0) for n in (6, 7))
    zeros = None
    if 0 < len(limits) == len(counts) <= _MOST_BUCKETS:
        left = np.append(min(low, limits[0]), limits[:-1])
        zeros = _zeros(left, limits, counts, low, high)
    return Statistics(low, high, total / count, math.sqrt(max(squares, 0.0)), zeros)


def _of_tensor(data: bytes, begin: int, end: int) -> Statistics | None:
    """Of a tensor of shape (k, 3)."""
    dtype, content = 0, b""
    for part in protowire.fields(data, begin, end):
        if part.number == 1 and part.wire == protowire.VARINT:
            dtype = part.varint
        elif part.number in (4, 5, 6) and part.end > part.begin:  # tensor_content, float_val, double_val
            content += data[part.begin : part.end]
    kind = {_DOUBLE: "<f8", _FLOAT: "<f4"}.get(dtype)
    if kind is None or not content or len(content) % (3 * np.dtype(kind).itemsize):
        return None
    buckets = np.frombuffer(content, kind).astype(np.float64).reshape(-1, 3)
    left, right, counts = buckets[buckets[:, 2] > 0].T
    count = counts.sum()
    if not count > 0 or len(counts) > _MOST_BUCKETS:
        return None
    mean = float((counts * (left + right) / 2).sum() / count)
    norm = float(np.sqrt((counts * (left * left + left * right + right * right) / 3).sum()))
    low, high = float(left[0]), float(right[-1])
    return Statistics(low, high, mean, norm, _zeros(left, right, counts, low, high))


def _zeros(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    counts: NDArray[np.float64],
    low: float,
    high: float,
) -> float | None:
    """The share of zeros: the count of the buckets around zero, when these are narrow or hold nothing."""
    around = (left <= 0) & (right >= 0) & (counts > 0)
    if not math.isfinite(low) or not math.isfinite(high):
        return None
    if low > 0 or high < 0 or not around.any():
        return 0.0
    largest = max(abs(low), abs(high))
    if largest == 0:
        return 1.0
    if float((right - left)[around].max()) > _NARROW * largest:
        return None
    return float(counts[around].sum() / counts.sum())
