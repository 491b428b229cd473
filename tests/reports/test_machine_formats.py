"""Formats for programs: read back by the programs they are meant for, and closed to hostile log text."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import junitparser
import pytest
from handmade_reports import HOSTILE, hostile_report, learning, many_runs, mixed_report, non_finite, overfit
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_regressions.file_regression import FileRegressionFixture
from web_pages import without_assets

from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.report import Report, Unreadable
from traindiag.reports.base import Options, all_renderers, format_of_suffix, render, renderer
from traindiag.reports.markup import LIMIT
from traindiag.reports.scanning import path_uri

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
PAIR = Report(runs=(overfit(), learning()), version="0.1.0")
FORMATS = tuple(all_renderers())
REPORTS = {
    "mixed": mixed_report(),
    "hostile": hostile_report(),
    "many": many_runs(40),
    "nan": Report(runs=(non_finite(),)),
    "empty": Report(runs=()),
}


@pytest.mark.parametrize("format", FORMATS)
def test_golden(file_regression: FileRegressionFixture, format: str) -> None:
    text = render(PAIR, format)
    if format == "html":
        text = without_assets(text)
    if format == "sarif":
        # The pages of rules are tested elsewhere and may be reworded.
        text = re.sub(r'("(?:text|markdown)": )"(?!overfit).*"', r'\1"(page)"', text)
    file_regression.check(text, fullpath=GOLDEN / f"pair.{format}.golden", encoding="utf-8")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_format_takes_every_report(format: str, report: Report) -> None:
    text = render(report, format)
    assert text.endswith("\n") or (text == "" and format == "jsonl")
    assert text == render(report, format)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("a.json", "json"),
        ("a.JSONL", "jsonl"),
        ("a.csv", "csv"),
        ("a.md", "markdown"),
        ("junit.xml", "junit"),
        ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"),
        ("a.txt", "text"),
        ("a.docx", None),
    ],
)
def test_suffix_picks_the_format(file: str, format: str | None) -> None:
    assert format_of_suffix(PurePath(file)) == format


def test_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean markdown"):
        renderer("markdwn")
    with pytest.raises(UsageError, match="choose one of csv, "):
        renderer("../x")
    with pytest.raises(UsageError):
        renderer("numbers")


# JSON lines


def test_jsonl_has_one_object_a_line() -> None:
    lines = [json.loads(line) for line in render(mixed_report(), "jsonl").splitlines()]
    assert [line["kind"] for line in lines] == ["run"] * 5 + ["unreadable"]
    whole = json.loads(render(mixed_report(), "json"))
    assert [line["name"] for line in lines[:5]] == [run["name"] for run in whole["runs"]]
    assert {line["schema"] for line in lines} == {"traindiag.report/1"}


# CSV


def _rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(report, "csv"))))


def test_csv_has_one_row_a_run() -> None:
    rows = _rows(mixed_report())
    assert [row["verdict"] for row in rows] == [
        "overfitting",
        "learning",
        "plateau",
        "non-finite",
        "too-short",
        "",
    ]
    assert rows[0]["best_epoch"] == "17"
    assert rows[0]["also"] == "TD305"
    assert rows[0]["remedy"].startswith("Stop early")
    assert rows[-1]["status"] == "unreadable"


@given(st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None, max_examples=60)
def test_csv_starts_no_formula(name: str, message: str) -> None:
    report = Report(
        runs=(replace(learning(), name=name),), unreadable=(Unreadable(path=name, message=message),)
    )
    rows = _rows(report)
    assert len(rows) == 2
    cells = [rows[0]["run"], rows[1]["path"], rows[1]["message"]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


# Markdown


def test_markdown_is_most_severe_first() -> None:
    text = render(mixed_report(), "markdown")
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]
    names = [re.search(r"<code>(.*?)</code>", line)[1] for line in table]  # type: ignore[index]
    assert names == ["overfit-a", "nan-run", "sweep/plateau-lr0.01", "stub", "good/learning"]
    assert "```python\n   keras.callbacks.EarlyStopping(" in text


def test_markdown_holds_no_foreign_markup() -> None:
    text = render(hostile_report(), "markdown")
    outside_code = re.sub(r"```python.*?```", "", text, flags=re.S)
    assert "<img" not in outside_code
    assert "</script>" not in outside_code
    assert set(re.findall(r"</?([a-z]+)", outside_code)) <= {"details", "summary", "b", "br", "code"}


@pytest.mark.parametrize(
    "name",
    ["@octocat", "x#12", "[a](https://evil)", "https://evil", "www.evil.com", "*b*", "__i__", "a|b", "`c`"],
)
def test_markdown_names_stay_text(name: str) -> None:
    text = render(Report(runs=(replace(learning(), name=name),)), "markdown")
    (cell,) = re.findall(r"<code>(.*?)</code>", text)
    assert not re.search(r"[@\[\]*`|]|#(?!\d+;)|://|www\.|(?<![a-z])_", cell)


def test_markdown_snippet_cannot_close_its_fence() -> None:
    run = overfit()
    remedy = replace(run.findings[0].remedies[0], snippet="a\n````\n# heading")
    run = replace(run, findings=(replace(run.findings[0], remedies=(remedy,)),))
    text = render(Report(runs=(run,)), "markdown")
    assert "   `````python\n   a\n   ````\n   # heading\n   `````\n" in text


def test_markdown_is_cut_below_github_s_limit() -> None:
    text = render(many_runs(4000), "markdown", verbose=True)
    assert 0.5 * LIMIT < len(text.encode()) <= LIMIT
    assert text.rstrip().endswith("`--format json` has everything._")
    assert text.count("<details>") == text.count("</details>")


def test_markdown_tells_one_run_of_each_verdict_and_names_the_others() -> None:
    report = many_runs(25)
    text = render(report, "markdown")
    ill = [run for run in report.runs if run.verdict.status == "ill"]
    assert text.count("<details>") == len({run.verdict.rule for run in ill}) == 3
    assert text.count("The same in 4 other runs: <code>sweep/seed-0") == 3
    assert text.index("### All runs") > text.rindex("</details>")
    assert render(report, "markdown", verbose=True).count("<details>") == len(ill) == 15


# JUnit


def test_junit_is_read_back() -> None:
    suites = junitparser.JUnitXml.fromstring(render(mixed_report(), "junit").encode())
    (suite,) = suites
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 3, 1, 1)
    by_name = {case.name: case for case in suite}
    (failure,) = by_name["overfit-a"].result
    assert isinstance(failure, junitparser.Failure)
    assert failure.type == "error"
    assert "EarlyStopping" in failure.text
    assert by_name["good/learning"].is_passed
    assert isinstance(by_name["stub"].result[0], junitparser.Skipped)
    assert isinstance(by_name["logs/broken.csv"].result[0], junitparser.Error)


def _cases(report: Report, **options: Any) -> dict[str, junitparser.TestCase]:
    text = renderer("junit").render(report, Options(**options))
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    return {case.name: case for case in suite}


def test_junit_notes_fail_nothing() -> None:
    run = overfit()
    accepted = tuple(replace(each, severity=Severity.NOTE) for each in run.findings)
    verdict = replace(run.verdict, severity=Severity.NOTE)
    case = _cases(Report(runs=(replace(run, findings=accepted, verdict=verdict),)))[run.name]
    assert case.is_passed
    assert "note TD101 overfitting" in case.system_out


def test_junit_fails_by_the_worst_that_is_left() -> None:
    run = overfit()
    own = replace(run.findings[0], severity=Severity.NOTE)
    other = replace(run.findings[1], severity=Severity.WARNING)
    verdict = replace(run.verdict, severity=Severity.NOTE)
    case = _cases(Report(runs=(replace(run, findings=(own, other), verdict=verdict),)))[run.name]
    (failure,) = case.result
    assert failure.type == "warning"
    assert failure.message.startswith(f"{other.code} {other.rule}: ")
    assert "TD101" in case.system_out
    assert "TD101" not in failure.text


def test_junit_goes_by_the_gate_where_one_judged() -> None:
    report = mixed_report()
    assert all(
        case.is_passed or case.is_skipped
        for case in _cases(report, failing=frozenset()).values()
        if case.name != "logs/broken.csv"
    )
    cases = _cases(report, failing=frozenset({("stub", "too-short")}))
    (failure,) = cases["stub"].result
    assert isinstance(failure, junitparser.Failure)
    assert cases["overfit-a"].is_passed


@given(st.text(st.characters(exclude_categories=()), max_size=40))
@settings(deadline=None, max_examples=100)
def test_junit_is_well_formed_whatever_the_name(name: str) -> None:
    report = Report(runs=(replace(overfit(), name=name),))
    junitparser.JUnitXml.fromstring(render(report, "junit").encode())


# SARIF


@pytest.fixture(scope="module")
def sarif_schema() -> jsonschema.Draft4Validator:
    text = (TESTS / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")
    return jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_sarif_is_valid(sarif_schema: jsonschema.Draft4Validator, report: Report) -> None:
    sarif_schema.validate(json.loads(render(report, "sarif")))


def test_sarif_results_point_at_rules_and_files() -> None:
    (run,) = json.loads(render(mixed_report(), "sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    first = run["results"][0]
    assert first["ruleId"] == "TD101"
    assert rules[first["ruleIndex"]]["id"] == "TD101"
    assert first["level"] == "error"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "logs/overfit-a"
    assert "TD001" not in {result["ruleId"] for result in run["results"]}
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"
    prints = [result["partialFingerprints"]["traindiag/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_suppresses_what_a_baseline_accepts(sarif_schema: jsonschema.Draft4Validator) -> None:
    accepted = frozenset({("overfit-a", "overfitting")})
    log = json.loads(renderer("sarif").render(mixed_report(), Options(accepted=accepted)))
    sarif_schema.validate(log)
    suppressed = [each for each in log["runs"][0]["results"] if "suppressions" in each]
    assert [(each["properties"]["run"], each["ruleId"]) for each in suppressed] == [("overfit-a", "TD101")]
    (suppression,) = suppressed[0]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("logs/a b.csv", "logs/a%20b.csv"),
        ("/abs/x", "file:///abs/x"),
        ("C:\\logs\\x", "file:///C:/logs/x"),
        ("a:b/c", "a%3Ab/c"),
        ("50%/x", "50%25/x"),
    ],
)
def test_paths_as_uris(path: str, uri: str) -> None:
    assert path_uri(path) == uri


@given(st.text(max_size=30))
@settings(deadline=None)
def test_uris_have_no_foreign_scheme(path: str) -> None:
    uri = path_uri(path)
    assert uri.isascii()
    parts = urlsplit(uri)
    assert parts.scheme in ("", "file")
    assert parts.query == parts.fragment == ""
    if not parts.scheme and path.isascii():
        assert unquote(uri) == path


# GitHub


def _commands(report: Report) -> list[str]:
    return [line for line in render(report, "github").splitlines() if line.startswith("::")]


def test_github_annotations() -> None:
    commands = _commands(mixed_report())
    assert [command.split()[0] for command in commands] == [
        *("::error", "::error", "::error", "::warning", "::warning", "::notice"),
    ]
    assert commands[0].startswith("::error file=logs/overfit-a,title=TD101 overfitting%3A overfit-a::")
    assert "%0AStop early: best epoch 17" in commands[0]


def test_github_folds_what_would_be_dropped() -> None:
    commands = _commands(many_runs(200))
    for kind in ("error", "warning", "notice"):
        of_kind = [command for command in commands if command.startswith(f"::{kind} ")]
        assert len(of_kind) == 10
        assert "more findings" in of_kind[-1]


@given(st.text(st.characters(exclude_categories=()), max_size=40))
@settings(deadline=None, max_examples=100)
def test_log_text_forms_no_command(text: str) -> None:
    run = overfit()
    finding = replace(run.findings[0], message=text)
    run = replace(run, name=text, source=replace(run.source, path=text), findings=(finding,))
    report = Report(runs=(run,), unreadable=(Unreadable(path=text, message=text),))
    lines = render(report, "github").splitlines()
    assert len(lines) == 3
    for line in lines[:2]:
        head, _, _ = line[len("::error ") :].partition("::")
        assert [pair.partition("=")[0] for pair in head.split(",")] == ["file", "title"]


def test_hostile_name_survives_only_in_json() -> None:
    for format in FORMATS:
        assert (HOSTILE in render(hostile_report(), format)) is False
    assert json.loads(render(hostile_report(), "jsonl").splitlines()[0])["name"] == HOSTILE
