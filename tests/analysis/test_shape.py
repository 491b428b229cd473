"""Leaps of a loss: only those to a level that matters."""

from __future__ import annotations

import numpy as np

from traindiag.analysis.shape import Shape, leaps, shape_of
from traindiag.model.curve import Curve


def shape(value: list[float]) -> Shape:
    count = len(value)
    found = shape_of(
        Curve(
            metric="loss",
            split="train",
            mode="min",
            epoch=np.arange(count),
            value=np.array(value),
            count=np.ones(count, dtype=np.int64),
        )
    )
    assert found is not None
    return found


def test_leaps_of_an_erratic_loss_are_found_where_they_are() -> None:
    value = [2.0, 1.5, 1.0, 2.5, 1.0, 0.9, 1.9, 0.8, 0.9, 0.8, 1.5, 0.8]
    assert leaps(shape(value)).tolist() == [3, 6, 10]


def test_leaps_between_tiny_values_do_not_matter() -> None:
    value = [2.0, 1.0, 0.4, 0.1, 0.02, 0.06, 0.01, 0.04, 0.01, 0.05, 0.01, 0.03]
    assert leaps(shape(value)).tolist() == []


def test_a_fall_has_no_leaps_and_a_negative_loss_none_that_could_be_told() -> None:
    assert leaps(shape((2.0 * 0.9 ** np.arange(40)).tolist())).tolist() == []
    assert leaps(shape([-1.0, -3.0, -1.0, -4.0, -1.0, -4.0])).tolist() == []


def test_unit_of_the_loss_changes_nothing() -> None:
    value = [2.0, 1.5, 1.0, 2.5, 1.0, 0.9, 1.9, 0.8, 0.9, 0.8, 1.5, 0.8]
    assert leaps(shape([1e6 * each for each in value])).tolist() == leaps(shape(value)).tolist()
