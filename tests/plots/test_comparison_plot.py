"""The overlay of groups: their median and spread, who they are, and how they were judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from traindiag.comparison.compare import compare_runs
from traindiag.comparison.shapes import Comparison
from traindiag.model.convert import run_from_history
from traindiag.model.errors import UsageError
from traindiag.model.run import Run
from traindiag.plots.base import figure_bytes
from traindiag.plots.comparison import MOST, POINTS, ComparisonDisplay
from traindiag.plots.save import save_comparisons


def seeds(level: float, count: int = 3, epochs: int = 30) -> list[Run]:
    falling = 2 * 0.8 ** np.arange(epochs)
    return [
        run_from_history({"val_loss": (falling + level * (1 + 0.01 * seed)).tolist()}, name=f"{level}-{seed}")
        for seed in range(count)
    ]


def compared(**groups: list[Run]) -> Comparison:
    return compare_runs(groups)


def test_median_and_spread_of_each_group() -> None:
    display = ComparisonDisplay.from_comparison(compared(main=seeds(1.0), new=seeds(2.0)))
    base, other = display.bands
    assert (base.name, other.name) == ("main: the base", "new: regressed")
    assert (base.low[0], base.middle[0], base.high[0]) == pytest.approx((3.0, 3.01, 3.02))
    assert base.epoch.tolist() == list(range(30))
    ax = display.plot()
    labels = ax.get_legend_handles_labels()[1]
    assert labels[:2] == ["main: the base (3 runs)", "new: regressed (3 runs)"]
    assert labels[2].startswith("target 1.1")
    assert len(ax.collections) == 2, "a band for each group of several"


def test_single_runs_have_no_band() -> None:
    ax = ComparisonDisplay.from_comparison(compared(a=seeds(1.0, 1), b=seeds(2.0, 1))).plot()
    assert not ax.collections
    assert ax.get_legend_handles_labels()[1][0] == "a: the base"


def test_a_run_that_has_ended_leaves_the_others_to_stand_for_the_group() -> None:
    mixed = [*seeds(1.0, 1, 10), *seeds(1.5, 1, 20)]
    (band, _) = ComparisonDisplay.from_comparison(compared(a=mixed, b=seeds(2.0))).bands
    assert band.epoch[-1] == 19
    assert band.low[9] < band.middle[9] < band.high[9]
    assert band.low[10] == band.middle[10] == band.high[10]


def test_a_group_that_ends_in_nan_is_crossed_where_it_ends() -> None:
    ends = [run_from_history({"val_loss": [2.0, 1.5, 1.0, float("nan")]}, name=f"{n}") for n in range(3)]
    display = ComparisonDisplay.from_comparison(compared(a=seeds(1.0), b=ends))
    assert [band.broken for band in display.bands] == [False, True]
    crosses = [line for line in display.plot().lines if line.get_marker() == "x"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in crosses] == [([2], [1.0])]


def test_broken_runs_and_very_long_ones_can_be_drawn() -> None:
    broken = run_from_history({"val_loss": [float("nan")] * 30}, name="nan")
    spoilt = run_from_history({"val_loss": [2.0, float("nan"), 1.0]}, name="gap")
    long = seeds(1.0, 2, 20_000)
    display = ComparisonDisplay.from_comparison(compared(a=long, b=[broken], c=[broken, spoilt]))
    assert [len(band.epoch) for band in display.bands] == [POINTS, 0, 3]
    assert np.isfinite(display.bands[2].middle).all()
    assert figure_bytes(display.figure(), "png").startswith(b"\x89PNG")


def test_more_groups_than_colours_are_told_of() -> None:
    groups = {f"g{number}": seeds(1.0 + number, 2) for number in range(MOST + 3)}
    display = ComparisonDisplay.from_comparison(compared(**groups))
    assert (len(display.bands), display.left_out) == (MOST, 3)
    assert display.plot().get_legend().get_title().get_text() == "and 3 more groups"


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    groups = {"$x_{^": seeds(1.0), "../../<b>": seeds(1.0)}
    comparison = compare_runs(groups)
    assert save_comparisons([comparison], tmp_path, "svg") == [tmp_path / "comparison.svg"]
    assert "<b>" not in (tmp_path / "comparison.svg").read_text()


def test_several_metrics_are_several_files_and_the_same_bytes(tmp_path: Path) -> None:
    pair = [compared(a=seeds(1.0), b=seeds(2.0))] * 2
    first = save_comparisons(pair, tmp_path / "x")
    again = save_comparisons(pair, tmp_path / "y")
    assert [path.name for path in first] == ["comparison-val_loss.png", "comparison-val_loss-2.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file exists; name a folder"):
        save_comparisons([compared(a=seeds(1.0), b=seeds(2.0))], tmp_path / "file")
    with pytest.raises(UsageError, match="no figures in 'gif'"):
        save_comparisons([], tmp_path, "gif")
