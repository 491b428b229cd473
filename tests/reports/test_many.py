from __future__ import annotations

from pathlib import Path

import pytest
from fleet_runs import csv_log

from traindiag.api import diagnose, read_all, render
from traindiag.model.report import Report
from traindiag.reports.summary import separation_text, spent_text, summary_of


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """48 runs; the ill ones have a high rate, half of which stands in the name and half in a file."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(48):
        rate = (0.1, 0.01)[number % 2]
        home = folder / f"model-{number % 3}" / (f"lr={rate}-{number}" if number % 4 < 2 else f"run-{number}")
        home.mkdir(parents=True)
        (home / "log.csv").write_text(csv_log(number, 30 + number % 5, ill=rate == 0.1))
        if number % 4 >= 2:
            (home / "hparams.yaml").write_text(
                f"# a comment\nlr: {rate}\noptimizer:\n  name: adam\nlist: [1, 2]\n"
            )
    return diagnose(read_all(folder).runs)


def test_the_summary(report: Report) -> None:
    summary = summary_of(report.runs)
    assert (summary.verdicts[0].verdict.status, len(summary.verdicts[0].runs)) == ("ill", 24)
    assert sum(len(count.runs) for count in summary.verdicts) == 48
    assert [(each.folder, each.runs, each.ill) for each in summary.folders] == [
        (f"model-{number}", 16, 8) for number in range(3)
    ]
    [found] = summary.separations
    assert separation_text(found) == "lr at least 0.1: 24 of 24 ill (100%); else 0 of 24 (0%)"
    assert summary.spent.of_epochs == sum(30 + number % 5 for number in range(48))
    late = [
        run.epochs - 1 - run.best.epoch for run in report.runs if run.best and run.verdict.status == "ill"
    ]
    assert summary.spent.epochs == sum(late) > 24 * 10
    assert "epochs" in spent_text(summary.spent, 48)
    assert "hours" not in spent_text(summary.spent, 48)


def test_more_than_twenty_runs_begin_with_what_holds_for_all(report: Report) -> None:
    text = render(report)
    assert "What separates ill from healthy runs\n  lr at least 0.1: 24 of 24 ill" in text
    assert "--run 'model-0/lr=0.1-0'" in text
    assert "Epochs count from 0" not in text
    assert "Epochs count from 0" in render(report, verbose=True)
    few = Report(runs=report.runs[:20], version="0")
    assert "Verdicts, worst first" not in render(few)


def test_markdown(report: Report) -> None:
    text = render(report, "markdown")
    assert "- lr at least 0.1: 24 of 24 ill (100%); else 0 of 24 (0%)\n" in text
    assert "| <code>model-0</code> | 8 | 16 | overfitting |\n" in text
    assert "What separates" not in render(Report(runs=report.runs[:20], version="0"), "markdown")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_too_long(report: Report, width: int) -> None:
    head = render(report, width=width, ascii=True).partition("--run")[0]
    assert head.isascii()
    assert max(map(len, head.splitlines())) <= width


def test_hours(tmp_path: Path) -> None:
    from dataclasses import replace

    from traindiag.model.effort import Effort

    report = diagnose(read_all(Path(__file__).parents[2] / "sample_logs" / "overfitting").runs)
    run = replace(
        report.runs[0], effort=Effort(epochs=10, after_best=4, seconds=7200.0, seconds_after_best=3600.0)
    )
    other = replace(run, effort=Effort(epochs=10, after_best=2))
    text = spent_text(summary_of([run, other]).spent, 2)
    assert text == (
        "6 of 20 epochs (30%) came after the best epoch of an ill run, 1.0 of 2.0 hours "
        "(the logs of 1 runs tell the time)."
    )
