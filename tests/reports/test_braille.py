"""Charts in the terminal."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from handmade_reports import (
    hostile_report,
    learning,
    many_runs,
    mixed_report,
    non_finite,
    overfit,
    run_report,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_regressions.file_regression import FileRegressionFixture
from rich.cells import cell_len

from traindiag.model.finding import Severity
from traindiag.model.report import RunReport
from traindiag.reports.base import Options
from traindiag.reports.braille import terminal_chart

GOLDEN = Path(__file__).parents[1] / "golden"


def _plain(run: RunReport, **options: int) -> str:
    return "\n".join(line.rstrip() for line in terminal_chart(run, Options(**options)).plain.split("\n"))


@pytest.mark.parametrize(
    ("name", "options"), [("chart-80", {}), ("chart-60-ascii", {"width": 60, "ascii": True})]
)
def test_golden(file_regression: FileRegressionFixture, name: str, options: dict[str, int]) -> None:
    text = _plain(overfit(), **options) + _plain(non_finite(), **options)
    file_regression.check(text, fullpath=GOLDEN / f"{name}.txt", encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("ascii", [False, True])
def test_lines_fit(width: int, ascii: bool) -> None:
    for run in (*mixed_report().runs, *many_runs(5).runs):
        lines = _plain(run, width=width, ascii=ascii).split("\n")
        assert max(map(cell_len, lines)) <= width
        assert not ascii or all(map(str.isascii, lines))


def test_curves_are_named_where_they_end() -> None:
    rows = _plain(overfit()).split("\n")[1:15]
    (val,) = [number for number, row in enumerate(rows) if row.endswith(" val")]
    (train,) = [number for number, row in enumerate(rows) if row.endswith(" train")]
    assert val < train


def test_broken_epochs_are_marked_on_the_axis() -> None:
    text = _plain(non_finite())
    assert text.count("×") == 8


def test_run_without_loss() -> None:
    assert "no loss was logged" in _plain(replace(learning(), curves=()))


def test_hostile_name_is_neutralised() -> None:
    text = _plain(hostile_report().runs[0])
    assert {unicodedata.category(each) for each in text if each != "\n"}.isdisjoint({"Cc", "Cf", "Cs"})


@given(st.lists(st.floats(), min_size=1, max_size=50))
@settings(deadline=None, max_examples=60)
def test_any_values(values: list[float]) -> None:
    finite = [value if value == value else 1.0 for value in values]
    run = run_report(
        "x", "learning", "TD001", "healthy", Severity.NOTE, "fine", [*values, 1.0], [*finite, 1.0]
    )
    lines = _plain(run).split("\n")
    assert max(map(len, lines)) <= 80
