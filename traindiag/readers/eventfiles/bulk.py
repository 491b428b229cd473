"""Telling records that hold no scalar by their first bytes, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _table(*keys: int) -> NDArray[np.bool_]:
    """Shape (256,): which bytes are one of some keys; looking up is quicker than comparing with each."""
    out = np.zeros(256, dtype=np.bool_)
    out[list(keys)] = True
    return out


_EVENT_BULK = _table(0x22, 0x42, 0x4A)  # graph_def, tagged_run_metadata, meta_graph_def
_HISTOGRAM = 0x2A
_VALUE_BULK = _table(0x1A, 0x22, 0x32)  # old histogram, image, audio
_KEPT_TAGS = _table(ord("k"), ord("_"))
_TENSOR = 0x42
_SMALL_TENSOR = 64
"""A tensor of more bytes than this is no scalar."""
_LARGE_TENSOR = 1 << 18
"""A tensor of more bytes than this is no histogram anybody looks at."""


def passed_over(
    data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64], *, histograms: bool = False
) -> NDArray[np.bool_]:
    """Which records are surely nothing but one graph, image, histogram, audio clip or large tensor.

    Only the first bytes are looked at: wall time, step, summary, value, tag, and the key of what comes next; the
    data may end behind these. The tensors kept are the model that Keras writes (``keras``) and hyper-parameters
    (``_hparams_/...``); with `histograms`, those that may be histograms are kept, too.
    """
    end = start + length
    bound = np.minimum(end, len(data) - 1)
    at = np.minimum(start + 9, bound)
    usual = (data[start] == 0x09) & (at < end)
    stepped = usual & (data[at] == 0x10)
    at = np.where(stepped, _varints(data, at + 1, bound)[1], at)
    key = data[at]
    size, at = _varints(data, at + 1, bound)
    whole = usual & (at + size == end)
    bulk = whole & _EVENT_BULK[key]
    single = whole & (key == 0x2A) & (data[at] == 0x0A)
    size, at = _varints(data, at + 1, bound)
    single &= (at + size == end) & (data[at] == 0x0A)
    size, tag_at = _varints(data, at + 1, bound)
    at = np.minimum(tag_at + size, bound)
    kind = data[at]
    size, _ = _varints(data, at + 1, bound)
    kept_tag = _KEPT_TAGS[data[tag_at]]
    large = (kind == _TENSOR) & (size > (_LARGE_TENSOR if histograms else _SMALL_TENSOR)) & ~kept_tag
    pictures = _VALUE_BULK[kind] | ((kind == _HISTOGRAM) & (not histograms))
    out: NDArray[np.bool_] = bulk | (single & (at < end) & (pictures | large))
    return out


def _varints(
    data: NDArray[np.uint8], at: NDArray[np.int64], bound: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sizes written as varints at the places `at`, and the places behind them, never behind `bound`."""
    at = np.minimum(at, bound)
    size = np.zeros(len(at), dtype=np.int64)
    more = np.ones(len(at), dtype=np.bool_)
    for shift in range(0, 70, 7):
        byte = data[at]
        if shift < 35:  # No record is longer; what is behind these bits only moves the place on.
            size |= np.where(more, (byte & np.uint8(0x7F)).astype(np.int64) << shift, 0)
        at = np.minimum(at + more, bound)
        more &= byte >= 0x80
        if not more.any():
            break
    return size, at
