"""Histograms reduced to statistics, from the bytes that TensorBoard's, TensorFlow's and PyTorch's writers produce."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path

import numpy as np
import pytest
from event_bytes import (
    BEGIN,
    event,
    float_tensor,
    histogram,
    image,
    message,
    scalars,
    summary,
    version,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag import read, read_all
from traindiag.model.names import mode_of
from traindiag.readers.eventfiles import protowire
from traindiag.readers.eventfiles.histograms import Statistics, metric_of, statistics

VALUES = np.random.default_rng(1).normal(0.3, 2.0, (40, 50))


def bucket_tensor(tag: str, values: np.ndarray) -> bytes:
    """A summary as TensorBoard's own histogram plugin encodes it."""
    pytest.importorskip("tensorboard")
    plugin = importlib.import_module("tensorboard.plugins.histogram.summary_v2")
    return plugin.histogram_pb(tag, values).SerializeToString()


def exact_proto(values: np.ndarray) -> bytes:
    """A ``HistogramProto`` with the exponential buckets that TensorFlow 1 and PyTorch use."""
    summary_pb2 = importlib.import_module("tensorboard.compat.proto.summary_pb2")
    positive = 1e-12 * 1.1 ** np.arange(774)
    edges = np.concatenate([-positive[::-1], [0.0], positive])
    counts, _ = np.histogram(values, edges)
    flat = values.ravel().astype(float)
    return summary_pb2.HistogramProto(
        min=flat.min(), max=flat.max(), num=flat.size, sum=flat.sum(), sum_squares=(flat**2).sum(),
        bucket_limit=edges[1:], bucket=counts,
    ).SerializeToString()  # fmt: skip


def of_event(payload: bytes) -> Statistics | None:
    [value] = protowire.event(payload).values
    return statistics(payload, value)


def test_a_tensor_of_buckets_gives_extremes_exactly_and_the_rest_closely():
    found = of_event(message(5, bucket_tensor("dense/kernel/histogram", VALUES)))
    assert found is not None
    assert (found.min, found.max) == (VALUES.min(), VALUES.max())
    width = (VALUES.max() - VALUES.min()) / 30
    assert found.mean == pytest.approx(VALUES.mean(), abs=width / 2)
    assert found.norm == pytest.approx(np.linalg.norm(VALUES), rel=0.02)
    assert found.fraction_zero is None


@pytest.mark.parametrize(("value", "zeros"), [(0.0, 1.0), (0.5, 0.0)])
def test_equal_values_are_told_exactly(value, zeros):
    found = of_event(message(5, bucket_tensor("b", np.full(16, value))))
    assert found == Statistics(value, value, value, 4 * value, zeros)


def test_nothing_counted_is_nothing_told():
    assert of_event(message(5, bucket_tensor("b", np.array([])))) is None
    assert of_event(message(5, message(1, histogram(b"w", 0)))) is None


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_histogram_proto_is_exact_and_tells_the_zeros(share):
    pytest.importorskip("tensorboard")
    values = np.where(np.arange(400) < 400 * share, 0.0, np.abs(VALUES.ravel()[:400]) + 1e-3)
    found = of_event(
        message(5, message(1, message(1, b"relu/activations") + message(5, exact_proto(values))))
    )
    assert found is not None
    assert (found.min, found.max) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.norm == pytest.approx(np.linalg.norm(values), rel=1e-12)
    assert found.fraction_zero == share


def test_names_are_those_that_the_rules_know():
    assert metric_of("dense/kernel/histogram", "norm") == "weight_norm/dense/kernel"
    assert metric_of("weights/fc1", "mean") == "weight_mean/fc1"
    assert metric_of("fc1.weight", "norm") == "weight_norm/fc1.weight"
    assert metric_of("gradients/dense/kernel", "norm") == "gradient_norm/dense/kernel"
    assert metric_of("fc1.weight.grad", "norm") == "gradient_norm/fc1.weight"
    assert metric_of("fc1.weight_grad", "norm") == "gradient_norm/fc1.weight"
    assert metric_of("activations/relu_1", "fraction_zero") == "zero_fraction/relu_1"
    assert metric_of("output/bias/histogram", "fraction_zero") == "weight_fraction_zero/output/bias"
    for tag in ("dense/kernel/histogram", "accuracy_head/grad", "loss_layer/activations"):
        assert all(mode_of(metric_of(tag, name)) is None for name in Statistics._fields)


def written(folder: Path, *, epochs: int = 4) -> Path:
    """What Keras' callback leaves with ``histogram_freq=1``: losses and weights, both by epoch."""
    parts = [version()]
    for epoch in range(epochs):
        wall = BEGIN + epoch
        parts.append(event(wall, epoch, summary(float_tensor(b"epoch_loss", 1 / (epoch + 1)))))
        kernel = bucket_tensor("dense/kernel/histogram", VALUES * (epoch + 1))
        parts.append(event(wall, epoch, message(5, kernel)))
        parts.append(event(wall, epoch, summary(image(b"picture", 400))))
    path = folder / "train" / "events.out.tfevents.1.v2"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(parts))
    return path


def test_weights_of_keras_are_on_the_epoch_axis_when_asked_for(tmp_path):
    written(tmp_path)
    assert [each.metric for each in read(tmp_path).series] == ["loss"]
    run = read(tmp_path, histograms=True)
    by_name = {each.metric: each for each in run.series}
    assert set(by_name) == {
        "loss",
        *(f"weight_{name}/dense/kernel" for name in ("min", "max", "mean", "norm")),
    }
    norm = by_name["weight_norm/dense/kernel"]
    assert norm.epoch is not None
    assert norm.epoch.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(norm.value / norm.value[0], [1, 2, 3, 4], rtol=1e-9)
    assert "histograms" in run.source.details


def test_a_file_of_nothing_but_histograms_is_a_run_when_they_are_asked_for(tmp_path):
    pytest.importorskip("tensorboard")
    rows = [
        event(
            BEGIN + i,
            10 * i,
            message(5, message(1, message(1, b"grad/fc1") + message(5, exact_proto(VALUES)))),
        )
        for i in range(3)
    ]
    (tmp_path / "events.out.tfevents.1").write_bytes(version() + b"".join(rows))
    assert read_all(tmp_path).runs == ()
    run = read(tmp_path, histograms=True)
    norm = next(each for each in run.series if each.metric == "gradient_norm/fc1")
    assert norm.step is not None
    assert norm.step.tolist() == [0, 10, 20]
    assert norm.wall_time is not None
    assert norm.wall_time.tolist() == [BEGIN, BEGIN + 1, BEGIN + 2]


def test_scalars_are_the_same_whether_histograms_are_asked_for_or_not(tmp_path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes() + scalars([("lr", i, 0.1 / (i + 1)) for i in range(30)]))
    plain, full = read(tmp_path), read(tmp_path, histograms=True)
    known = {(each.split, each.metric): each for each in full.series}
    for each in plain.series:
        np.testing.assert_array_equal(known[each.split, each.metric].value, each.value)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"histograms", b"scalars"]), st.sampled_from([5, 8]))
def test_no_bytes_make_it_fail(body, plugin, kind):
    owner = message(9, message(1, message(1, plugin)))
    payload = message(5, message(1, message(1, b"w") + message(kind, body) + owner))
    try:
        found = of_event(payload)
    except protowire.WireError:
        return
    assert found is None or isinstance(found, Statistics)


def test_damaged_histograms_are_counted_and_no_value_is_made_up(tmp_path):
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.find(b"dense/kernel/histogram") + 60
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))
    run = read(tmp_path, histograms=True)
    norm = next(each for each in run.series if each.metric.startswith("weight_norm"))
    assert len(norm) == 3
    assert len(run.source.damage) == 1


def test_infinite_weights_are_told_without_a_warning():
    body = b"".join(struct.pack("<Bd", number << 3 | 1, value) for number, value in (
        (1, -np.inf), (2, np.inf), (3, 4.0), (4, np.nan), (5, np.inf)))  # fmt: skip
    found = of_event(message(5, message(1, message(1, b"w") + message(5, body))))
    assert found is not None
    assert (found.min, found.max, found.norm) == (-np.inf, np.inf, np.inf)
