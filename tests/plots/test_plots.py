"""Figures can be drawn for every kind of run, say what they should, and stay inside their folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handmade_reports import (
    curve,
    hostile_report,
    learning,
    many_runs,
    mixed_report,
    non_finite,
    overfit,
    run_report,
    too_short,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.report import Report, RunReport
from traindiag.plots.base import all_displays, figure_bytes, new_figure, wants_log
from traindiag.plots.gap import GapDisplay
from traindiag.plots.learning_rate import LearningRateDisplay
from traindiag.plots.loss import LossDisplay
from traindiag.plots.metric import MetricDisplay
from traindiag.plots.overview import OverviewDisplay
from traindiag.plots.save import file_names, save_figures

PNG = b"\x89PNG\r\n\x1a\n"


def _run(train: list[float], val: list[float] | None = None) -> RunReport:
    return run_report("run", "learning", "TD001", "healthy", Severity.NOTE, "fine", train, val)


def _labels(run: RunReport) -> list[str]:
    return LossDisplay.from_run(run).plot().get_legend_handles_labels()[1]


def test_loss_shows_curves_best_epoch_and_window() -> None:
    assert _labels(overfit()) == ["judged", "train", "val", "best: epoch 17, 0.55"]


def test_evidence_is_marked_on_its_curve_and_told_below() -> None:
    ax = LossDisplay.from_run(overfit()).plot()
    texts = [text.get_text() for text in ax.texts]
    assert {"1", "2"} <= set(texts)
    assert any("val/loss, epochs 17 to 59: 0.51, rise above the best (limit 0.05)" in text for text in texts)
    thick = [line for line in ax.lines if line.get_linewidth() == 7]
    assert [float(line.get_xdata()[0]) for line in thick] == [17, 45]


def test_jumps_are_marked_also_where_the_verdict_is_another() -> None:
    run = overfit()
    jump = replace(run.findings[0].evidence[0], series="train/loss", epochs=(30, 30))
    spike = replace(run.findings[1], rule="loss-spike", code="TD203", evidence=(jump,))
    ax = LossDisplay.from_run(replace(run, findings=(*run.findings, spike))).plot()
    marks = [line for line in ax.lines if line.get_marker() == "o" and line.get_markersize() == 10]
    assert [list(line.get_xdata()) for line in marks] == [[30]]


def test_a_long_gap_is_averaged_over_its_pale_line() -> None:
    values = np.linspace(2, 1, 5000)
    run = run_report(
        "x", "learning", "TD001", "healthy", Severity.NOTE, "", values.tolist(), (values + 1).tolist()
    )
    lines = GapDisplay.from_run(run).plot().lines
    assert sorted(len(line.get_xdata()) for line in lines) == [2, 200, 5000]


def test_broken_values_are_marked_at_their_epochs() -> None:
    ax = LossDisplay.from_run(non_finite()).plot()
    (marks,) = [line for line in ax.lines if line.get_label() == "NaN or infinite"]
    assert list(marks.get_xdata()) == list(range(12, 20))


def test_log_axis_only_when_the_range_asks_for_it() -> None:
    assert LossDisplay.from_run(_run([1000.0, 10.0, 1.0])).plot().get_yscale() == "log"
    assert LossDisplay.from_run(_run([10.0, 5.0, 1.0])).plot().get_yscale() == "linear"
    assert LossDisplay.from_run(_run([1000.0, 0.0, -1.0])).plot().get_yscale() == "linear"
    assert not wants_log([])


def test_plot_on_given_axes() -> None:
    ax = new_figure((4, 3)).add_subplot()
    assert LossDisplay.from_run(learning()).plot(ax) is ax


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [2.0, 1.0],
        [float("nan"), 1.0, float("inf"), 2.0],
        [1e308, -1e308, 1.0],
        (3 * np.exp(-np.arange(20_000) / 3000) + 0.1).tolist(),
    ],
    ids=["one", "two", "broken", "huge", "long"],
)
def test_any_length_and_any_value(values: list[float]) -> None:
    assert figure_bytes(LossDisplay.from_run(_run(values, values)).figure(), "png").startswith(PNG)


@pytest.mark.parametrize(("format", "start"), [("png", PNG), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_same_figure_same_bytes(format: str, start: bytes) -> None:
    first, second = (figure_bytes(LossDisplay.from_run(too_short()).figure(), format) for _ in range(2))
    assert first.startswith(start)
    assert first == second


def test_dollars_in_a_name_are_no_formula() -> None:
    run = run_report("$\\frac{$", "learning", "TD001", "healthy", Severity.NOTE, "$x_{$", [2.0, 1.0], None)
    assert figure_bytes(LossDisplay.from_run(run).figure(), "png").startswith(PNG)


def test_run_without_a_loss() -> None:
    display = LossDisplay(
        title="x", verdict="undecided", color="black", curves=(), best=None, window=None, evidence=()
    )
    assert "no loss was logged" in [text.get_text() for text in display.plot().texts]


def test_overview_holds_every_run_worst_first() -> None:
    display = OverviewDisplay.from_runs(mixed_report().runs)
    assert [run.verdict.status for run in display.runs] == ["ill", "ill", "ill", "unjudged", "healthy"]
    titles = [ax.get_title(loc="left") for ax in display.figure().axes]
    assert titles[0] == "overfit-a\noverfitting"
    assert len([title for title in titles if title]) == 5


def test_overview_of_too_many_runs_says_how_many_it_leaves_out() -> None:
    assert OverviewDisplay.from_runs(many_runs(75).runs).left_out == 15


def test_step_axis_is_named() -> None:
    run = replace(_run([2.0, 1.0]), curves=(curve("train", "loss", [2.0, 1.0], axis="step"),))
    assert LossDisplay.from_run(run).plot().get_xlabel() == "step"


def _with_metrics() -> RunReport:
    values = [0.5, 0.6, 0.7]
    run = _run([3.0, 2.0, 1.0], [3.0, 2.5, float("nan")])
    rate = curve("train", "learning_rate", [0.1, 0.1, 0.01])
    return replace(
        run, curves=(*run.curves, curve("val", "auc", values), curve("train", "auc", values), rate)
    )


def test_gap_is_val_minus_train_where_both_are_known() -> None:
    display = GapDisplay.from_run(_with_metrics())
    np.testing.assert_allclose(display.gap, [0.0, 0.5, np.nan])
    assert GapDisplay.all_from_run(_run([1.0, 2.0])) == []


def test_metric_shows_all_its_splits() -> None:
    display = MetricDisplay.from_run(_with_metrics())
    assert display.plot().get_legend_handles_labels()[1] == ["val", "train", "best val_loss: epoch 1"]
    with pytest.raises(UsageError, match="it has auc"):
        MetricDisplay.from_run(_with_metrics(), "acc")


def test_learning_rate_has_steps_and_the_loss_beside_them() -> None:
    ax = LearningRateDisplay.from_run(_with_metrics()).plot()
    assert ax.get_yscale() == "log"
    assert [each.get_ylabel() for each in ax.figure.axes] == ["learning rate", "val loss"]
    with pytest.raises(UsageError, match="no learning rate"):
        LearningRateDisplay.from_run(learning())


def test_every_kind_of_figure_is_written_where_there_are_data(tmp_path: Path) -> None:
    kinds = list(all_displays())
    assert kinds == ["gap", "learning-rate", "loss", "metric"]
    report = Report(runs=(_with_metrics(), replace(_run([2.0, 1.0]), name="bare")))
    written = save_figures(report, tmp_path, "svg", kinds)
    assert [path.name for path in written] == [
        "run-gap.svg",
        "run-learning-rate.svg",
        "run.svg",
        "run-auc.svg",
        "bare.svg",
        "overview.svg",
    ]


def test_save_writes_one_file_a_run_and_an_overview(tmp_path: Path) -> None:
    written = save_figures(mixed_report(), tmp_path / "new" / "folder")
    assert [path.name for path in written] == [
        "overfit-a.png",
        "good-learning.png",
        "sweep-plateau-lr0.01.png",
        "nan-run.png",
        "stub.png",
        "overview.png",
    ]
    assert all(path.read_bytes().startswith(PNG) for path in written)


def test_hostile_names_stay_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    (path,) = save_figures(hostile_report(), folder)
    assert path.parent == folder
    assert [each.name for each in tmp_path.iterdir()] == ["figures"]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "figures"
    folder.mkdir()
    os.symlink(outside, folder / "run.png")
    save_figures(Report(runs=(_run([2.0, 1.0]),)), folder)
    assert outside.read_text() == "mine"


def test_folder_that_cannot_be_made_and_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name a folder that can be written"):
        save_figures(mixed_report(), tmp_path / "file" / "below")
    with pytest.raises(UsageError, match="did you mean loss"):
        save_figures(mixed_report(), tmp_path, figures=["los"])
    with pytest.raises(UsageError, match="png, svg, pdf"):
        save_figures(mixed_report(), tmp_path, format="exe")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("/abs/path", "abs-path"),
        ("..", "run"),
        ("", "run"),
        (".hidden", "hidden"),
        ("CON", "run-CON"),
        ("a..b", "a.b"),
        ("über/名", "ber"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_become_safe(name: str, file: str) -> None:
    assert file_names([name]) == [file]


@given(st.lists(st.text(max_size=30), max_size=12))
@settings(deadline=None)
def test_file_names_are_safe_and_unique(names: list[str]) -> None:
    files = file_names(names, taken=["overview"])
    assert len({file.lower() for file in [*files, "overview"]}) == len(names) + 1
    for file in files:
        assert file == os.path.basename(file)
        assert file.strip(".-") == file
        assert file.isascii()
