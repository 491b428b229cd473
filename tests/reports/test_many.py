from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from fleet_runs import csv_log
from strict_schema import strict
from web_pages import Page

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
    assert "--run model-0/lr=0.1-0\n" in text
    assert "Epochs count from 0" not in text
    assert "Epochs count from 0" in render(report, verbose=True)
    few = Report(runs=report.runs[:20], version="0")
    assert "Verdicts, worst first" not in render(few)


def test_markdown(report: Report) -> None:
    text = render(report, "markdown")
    assert "- lr at least 0.1: 24 of 24 ill (100%); else 0 of 24 (0%)\n" in text
    assert "| <code>model-0</code> | 8 | 16 | overfitting |\n" in text
    assert "What separates" not in render(Report(runs=report.runs[:20], version="0"), "markdown")


def _two_illnesses(report: Report) -> Report:
    """The runs of the report, a third of the ill ones with another verdict and a parameter that explains it."""
    runs = []
    for number, run in enumerate(report.runs):
        if other := run.verdict.status == "ill" and number % 3 == 0:
            run = replace(run, verdict=replace(run.verdict, rule="plateau", code="TD203"))
        runs.append(replace(run, params={"opt": "sgd" if other else "adam"}))
    return Report(runs=tuple(runs), version="0")


def test_each_illness_is_told_with_what_its_runs_share(report: Report) -> None:
    both = _two_illnesses(report)
    plateau = next(each for each in summary_of(both.runs).verdicts if each.verdict.rule == "plateau")
    words = [separation_text(each, "") for each in plateau.separations]
    assert words == ["opt is sgd: 10 of 10 (100%); else 0 of 38 (0%)"]
    assert f"    {words[0]}\n" in render(both)
    assert f"| {words[0]} |" in render(both, "markdown")
    assert f"<li>{words[0]}</li>" in render(both, "html")
    assert all(not each.separations for each in summary_of(report.runs).verdicts)


def test_the_side_with_more_ill_runs_stands_first(report: Report) -> None:
    runs = [
        replace(run, params={"width": -1.0 if run.verdict.status == "ill" else 2.0}) for run in report.runs
    ]
    [found] = summary_of(runs).separations
    assert separation_text(found) == "width below 2: 24 of 24 ill (100%); else 0 of 24 (0%)"


def test_json_has_the_same(report: Report) -> None:
    both = json.loads(render(_two_illnesses(report), "json"))
    summary = both["summary"]
    plateau = next(each for each in summary["verdicts"] if each["rule"] == "plateau")
    [shared] = plateau["separations"]
    assert (shared["param"], shared["is"], shared["value"]) == ("opt", "==", "sgd")
    assert (shared["yes"], shared["no"]) == ({"runs": 10, "affected": 10}, {"runs": 38, "affected": 0})
    assert sorted(name for each in summary["verdicts"] for name in each["runs"]) == sorted(
        run["name"] for run in both["runs"]
    )
    assert [each["ill"] for each in summary["folders"]] == [8, 8, 8]
    spent = summary["spent"]
    assert 0 < spent["epochs_after_best"] < spent["epochs"]
    assert (spent["seconds"], spent["timed_runs"]) == (0, 0)
    schema = json.loads(
        files("traindiag.reports").joinpath("schemas/report-1.schema.json").read_text("utf-8")
    )
    jsonschema.Draft202012Validator(strict(schema)).validate(both)


def test_the_page_begins_with_what_holds_for_all_and_leads_to_the_runs(report: Report) -> None:
    text = render(report, "html")
    page = Page(text)
    page.check()
    summary = text[text.index("Verdicts, worst first") : text.index('id="overview"')]
    assert "lr at least 0.1: 24 of 24 ill (100%); else 0 of 24 (0%)" in summary
    for anchor, name in re.findall(r'<a href="#(run-\d+)">([^<]*)</a>', summary):
        assert f'<a href="#{anchor}">{name}</a>' in text[text.index('id="overview"') :]
    few = Report(runs=report.runs[:20], version="0")
    assert "Verdicts, worst first" not in render(few, "html")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_too_long(report: Report, width: int) -> None:
    head = render(report, width=width, ascii=True).partition("All in a table")[0]
    assert head.isascii()
    assert max(map(len, head.splitlines())) <= width


def test_what_nobody_needs_is_left_out(report: Report) -> None:
    healthy = Report(runs=tuple(run for run in report.runs if run.verdict.status != "ill"), version="0")
    for format in ("text", "markdown", "html"):
        text = render(healthy, format)
        assert "epochs (0%)" not in text
        assert "what sets them apart" not in text
    assert "| verdict | runs | such as |\n|---|--:|---|\n" in render(healthy, "markdown")


def test_hours(tmp_path: Path) -> None:
    from traindiag.model.effort import Effort

    report = diagnose(read_all(Path(__file__).parents[2] / "sample_logs" / "overfitting").runs)
    run = replace(
        report.runs[0], effort=Effort(epochs=10, after_best=4, seconds=7200.0, seconds_after_best=3600.0)
    )
    other = replace(run, effort=Effort(epochs=10, after_best=2))
    text = spent_text(summary_of([run, other]).spent, 2)
    assert text == (
        "6 of 20 epochs (30%) came after the best epoch of an ill run, 1.0 of 2.0 hours "
        "(by the 1 log with times)."
    )
