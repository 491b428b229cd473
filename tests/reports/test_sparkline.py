from __future__ import annotations

import numpy as np
from handmade_reports import curve
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.reports.sparkline import sparklines

NAN = float("nan")


def test_falling_curve_falls_from_the_top_to_the_bottom() -> None:
    assert sparklines([curve("train", "loss", [4.0, 3.0, 2.0, 1.0])], 10) == ["█▆▃▁"]


def test_both_curves_share_scale_and_epochs() -> None:
    train, val = sparklines(
        [curve("train", "loss", [4.0, 1.0]), curve("val", "loss", [4.0, 4.0], first=2)], 10
    )
    assert (train, val) == ("█▁  ", "  ██")


def test_nan_marks_its_place_even_among_many_points() -> None:
    values = [1.0] * 1000
    values[500] = NAN
    (line,) = sparklines([curve("train", "loss", values)], 10)
    assert line.index("×") == 5
    assert line.count("×") == 1


def test_decades_are_drawn_on_a_log_scale() -> None:
    (line,) = sparklines([curve("train", "loss", [1.0, 30.0, 1000.0, 30000.0])], 10)
    assert line == "▁▃▆█"


def test_flat_missing_and_all_nan() -> None:
    assert sparklines([curve("train", "loss", [2.0, 2.0]), None], 10) == ["▅▅", ""]
    assert sparklines([curve("train", "loss", [NAN, NAN])], 10, ascii=True) == ["xx"]
    assert sparklines([None, None], 10) == ["", ""]


@given(
    st.lists(st.floats(), min_size=1, max_size=300), st.integers(1, 30), st.booleans(), st.integers(-5, 10**6)
)
@settings(deadline=None)
def test_any_curve_fits(values: list[float], width: int, ascii: bool, first: int) -> None:
    (line,) = sparklines([curve("train", "loss", values, first=first)], width, ascii=ascii)
    assert len(line) == min(width, len(values))
    assert ("×" in line or ("x" in line and ascii)) == (not np.isfinite(values).all())
