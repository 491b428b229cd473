from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traindiag.reports.numbers import counted, epochs_text, json_number, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.41234, "0.4123"),
        (12.3456, "12.35"),
        (1234.5, "1234"),
        (0.5, "0.5"),
        (0.0, "0"),
        (-0.0031, "-0.0031"),
        (0.00001234, "1.23e-05"),
        (1.5e9, "1.50e+09"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


@given(st.floats(-1e300, 1e300))
def test_short_stays_near_and_narrow(value: float) -> None:
    text = short(value)
    assert len(text) <= 10
    assert float(text) == pytest.approx(value, rel=1e-2, abs=1e-300)


def test_words() -> None:
    assert counted(1, "run") == "1 run"
    assert counted(2000, "run") == "2,000 runs"
    assert counted(2, "remedy", "remedies") == "2 remedies"
    assert epochs_text((3, 3)) == "epoch 3"
    assert epochs_text((3, 9)) == "epochs 3-9"
    assert json_number(0.12345, 3) == 0.123
    assert json_number(math.nan) == "NaN"
