"""Comparisons in every format: read back by the programs they are meant for, and closed to hostile names."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib.resources import files
from pathlib import Path, PurePath

import jsonschema
import junitparser
import pytest
from handmade_comparisons import HOSTILE, broken, good, hostile, ill, many, report_of, seeds
from pytest_regressions.file_regression import FileRegressionFixture
from strict_schema import strict
from web_pages import Page, without_assets

from traindiag.comparison.shapes import ComparisonReport
from traindiag.model.errors import UsageError
from traindiag.reports.base import Options, all_renderers
from traindiag.reports.comparisons.base import FORMATS, render_comparison

TESTS = Path(__file__).parents[1]
NAMES = tuple(FORMATS.all())
REPORTS = {"good": good(), "ill": ill(), "hostile": hostile(), "many": many(30), "broken": broken()}


def test_every_format_of_reports_is_one_of_comparisons() -> None:
    assert tuple(all_renderers()) == NAMES
    for path in ("a.json", "a.jsonl", "a.csv", "a.md", "a.html", "a.xml", "a.sarif", "a.txt", "a.docx"):
        assert FORMATS.of_suffix(PurePath(path)) == {
            **{each.suffixes[0]: name for name, each in all_renderers().items() if each.suffixes}
        }.get(PurePath(path).suffix)


@pytest.mark.parametrize("format", NAMES)
@pytest.mark.parametrize("which", ["good", "ill"])
def test_golden(file_regression: FileRegressionFixture, format: str, which: str) -> None:
    text = render_comparison(REPORTS[which], format)
    if format == "html":
        text = without_assets(text)
    if format == "sarif":
        # The pages of rules are tested elsewhere and may be reworded.
        text = re.sub(r'("(?:text|markdown)": )"(?!new|wild|no header).*"', r'\1"(page)"', text)
    path = TESTS / "golden" / f"comparison-{which}.{format}.golden"
    file_regression.check(text, fullpath=path, encoding="utf-8")


@pytest.mark.parametrize("format", NAMES)
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_format_takes_every_comparison(format: str, report: ComparisonReport) -> None:
    text = render_comparison(report, format)
    assert text.endswith("\n")
    assert text == render_comparison(report, format)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert HOSTILE not in text


def test_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean markdown"):
        render_comparison(good(), "markdwn")


# JSON


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_json_keeps_to_its_schema(report: ComparisonReport) -> None:
    text = files("traindiag.reports").joinpath("schemas/comparison-1.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(render_comparison(report, "json"))
    jsonschema.Draft202012Validator(strict(schema)).validate(document)
    lines = [json.loads(line) for line in render_comparison(report, "jsonl").splitlines()]
    kinds = [line.pop("kind") for line in lines]
    assert kinds == ["comparison"] * len(report.comparisons) + ["unreadable"] * len(report.unreadable)
    bare = [{k: v for k, v in line.items() if k not in ("schema", "version")} for line in lines]
    assert bare == document["comparisons"] + document["unreadable"]


# CSV


def test_csv_has_one_row_a_group_and_metric() -> None:
    rows = list(csv.DictReader(io.StringIO(render_comparison(ill(), "csv"))))
    assert [(row["metric"], row["group"], row["verdict"]) for row in rows] == [
        *(
            ("val_loss", "main", "base"),
            ("val_loss", "new", "regressed"),
            ("val_loss", "wild", "cannot tell"),
        ),
        *(("val_accuracy", "main", "base"), ("val_accuracy", "new", "regressed")),
        *(("val_accuracy", "wild", "cannot tell"), ("", "new/notes.csv", "unreadable")),
    ]
    assert float(rows[1]["difference"]) == pytest.approx(0.05)
    assert float(rows[1]["low"]) < 0.05 < float(rows[1]["high"])
    assert rows[0]["difference"] == ""


def test_csv_starts_no_formula() -> None:
    text = render_comparison(report_of({"=1+1": seeds("=a", 0.5), "@x": seeds("@x", 0.6)}), "csv")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'=1+1" in cells
    assert not any(cell.startswith(("=", "@")) for cell in cells)


# JUnit


def test_junit_is_read_back() -> None:
    (suite,) = junitparser.JUnitXml.fromstring(render_comparison(ill(), "junit").encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 2, 1, 2)
    cases = list(suite)
    assert cases[0].name == "new against main"
    assert cases[0].classname == "traindiag.compare.val_loss"
    (failure,) = cases[0].result
    assert isinstance(failure, junitparser.Failure)
    assert failure.message == "TD801 new: regressed by val_loss"
    assert "98% interval" in failure.text
    assert isinstance(cases[1].result[0], junitparser.Skipped)
    assert isinstance(cases[-1].result[0], junitparser.Error)
    (suite,) = junitparser.JUnitXml.fromstring(render_comparison(good(), "junit").encode())
    assert all(case.is_passed for case in suite)


# SARIF


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_sarif_is_valid(report: ComparisonReport) -> None:
    schema = json.loads((TESTS / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    log = json.loads(render_comparison(report, "sarif"))
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)


def test_sarif_has_a_result_for_what_regressed_alone() -> None:
    (run,) = json.loads(render_comparison(ill(), "sarif"))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TD801"]
    assert [each["properties"]["metric"] for each in run["results"]] == ["val_loss", "val_accuracy"]
    assert [place["id"] for place in run["results"][0]["relatedLocations"]] == [1, 2]
    prints = {each["partialFingerprints"]["traindiag/v1"] for each in run["results"]}
    assert len(prints) == 2
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [each["level"] for each in notes] == ["error", "warning", "warning"]
    (run,) = json.loads(render_comparison(good(), "sarif"))["runs"]
    assert run["results"] == run["tool"]["driver"]["rules"] == []


# GitHub


def test_github_annotations() -> None:
    lines = render_comparison(ill(), "github").splitlines()
    kinds = [line.split()[0] for line in lines if line.startswith("::")]
    assert kinds == ["::error", "::error", "::error", "::warning", "::warning"]
    assert "title=TD801 new%3A regressed by val_loss::Best val_loss is 0.05 (10%25) higher" in lines[0]
    assert lines[-2:] == [
        "val_loss against main: 1 regressed, 1 cannot tell",
        "val_accuracy against main: 1 regressed, 1 cannot tell",
    ]
    folded = [line for line in render_comparison(many(30), "github").splitlines() if line.startswith("::")]
    assert len(folded) == 10
    assert "21 more findings" in folded[-1]


def test_no_name_forms_a_command() -> None:
    lines = render_comparison(hostile(), "github").splitlines()
    assert len(lines) == 3
    assert [line.startswith("::error file=") for line in lines] == [True, True, False]


# Markdown


def test_markdown_has_a_row_a_group_and_a_line_a_verdict() -> None:
    lines = render_comparison(ill(), "markdown").splitlines()
    assert len([line for line in lines if line.startswith("|")]) == 10
    (verdict, _) = [line for line in lines if line.startswith("- ❌")]
    assert verdict.startswith(
        "- ❌ **new: regressed.** Best val_loss is 0.05 (10%) higher than that of main."
    )
    assert lines[-1] == "- new/notes.csv: no header"


def test_no_name_starts_markup() -> None:
    text = render_comparison(hostile(), "markdown")
    safe = re.sub(r"^\| .*? \| |\*\*", "", re.sub(r"&#\d+;", "", text), flags=re.M)
    assert not re.search(r"[<>`@\x1b\[\]~]|(?<=\w)://|www\.|\*", safe)
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


# HTML


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("format", ["html", "notebook"])
def test_page_is_well_formed_and_holds_nothing_foreign(report: ComparisonReport, format: str) -> None:
    page = Page(render_comparison(report, format))
    page.check()
    assert not page.links


def test_page_draws_the_groups_that_have_colours() -> None:
    text = render_comparison(many(30), "html")
    data = json.loads(re.findall(r'application/json">(.*?)</script>', text)[0])
    assert [line["name"] for line in data["lines"]] == ["main", *(f"worse-{n}" for n in range(7))]
    assert "23 more are in the table" in text
    assert len(re.findall('class="interval"', text)) == 30
    assert len(text.encode()) < 150_000


# Text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_text_keeps_to_its_width(width: int, report: ComparisonReport) -> None:
    text = render_comparison(report, "text", Options(width=width))
    assert max(map(len, text.splitlines())) <= width


def test_text_of_long_and_wide_names() -> None:
    for name in ("runs/" + "long/" * 20 + "name", "訓練" * 30):
        found = report_of({"runs/main": seeds("a", 0.5, 0.505, 0.495), name: seeds("b", 0.55, 0.555, 0.545)})
        text = render_comparison(found, "text", Options(width=80))
        assert "…" in text
        assert "regressed TD801" in text


def test_text_says_how_much_and_by_what() -> None:
    text = " ".join(render_comparison(ill(), "text", Options(width=200)).split())
    assert "Best val_loss is 0.05 (10%) higher than that of main." in text
    assert "98% interval, from the spread over 3 and 3 seeds" in text


def test_text_in_ascii() -> None:
    text = render_comparison(hostile(), "text", Options(ascii=True))
    assert text.isascii()
    assert "\nx ~" in text
    assert "\\x1b[31m" in text
