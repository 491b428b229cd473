"""Baselines: what they accept, what has expired, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from traindiag.baseline import Accepted, Baseline, baseline_of, baseline_text, read_baseline
from traindiag.model.errors import UsageError
from traindiag.model.finding import Finding, Severity


def finding(rule: str = "overfitting", severity: Severity = Severity.WARNING, message: str = "x") -> Finding:
    return Finding(rule=rule, code="TD101", severity=severity, confidence=0.9, message=message)


def test_round_trip_is_sorted_and_has_a_line_a_finding(tmp_path: Path) -> None:
    pairs = [("b", finding()), ("a", finding("plateau")), ("a", finding()), ("a", finding())]
    text = baseline_text(baseline_of(pairs))
    assert text == baseline_text(baseline_of(reversed(pairs)))
    assert [line.strip().rstrip(",") for line in text.splitlines() if '"run"' in line] == [
        '{"run": "a", "rule": "overfitting", "severity": "warning"}',
        '{"run": "a", "rule": "plateau", "severity": "warning"}',
        '{"run": "b", "rule": "overfitting", "severity": "warning"}',
    ]
    path = tmp_path / "baseline.json"
    path.write_text(text)
    assert read_baseline(path) == baseline_of(pairs)


def test_an_empty_baseline_is_a_baseline(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(baseline_text(Baseline()))
    assert read_baseline(path) == Baseline()


def test_numbers_do_not_matter_but_rule_run_and_severity_do() -> None:
    baseline = baseline_of([("a", finding(message="from epoch 12"))])
    assert baseline.accepts("a", finding(message="from epoch 17"))
    assert baseline.accepts("a", finding(severity=Severity.NOTE))
    assert not baseline.accepts("a", finding(severity=Severity.ERROR))
    assert not baseline.accepts("a", finding("plateau"))
    assert not baseline.accepts("b", finding())


def test_only_runs_that_were_judged_can_expire() -> None:
    baseline = baseline_of([("a", finding()), ("b", finding()), ("c", finding())])
    expired = baseline.expired(["a", "b"], [("a", "overfitting"), ("b", "plateau")])
    assert expired == (Accepted(run="b", rule="overfitting", severity=Severity.WARNING),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[]", "schema"),
        ('{"schema": "traindiag.report/1"}', "schema"),
        ('{"schema": "traindiag.baseline/1"}', "accepted"),
        ('{"schema": "traindiag.baseline/1", "accepted": [3]}', "needs run, rule and severity"),
        ('{"schema": "traindiag.baseline/1", "accepted": [{"run": "a", "rule": "b"}]}', "needs run"),
        (
            '{"schema": "traindiag.baseline/1", "accepted": [{"run": "a", "rule": "b", "severity": "bad"}]}',
            "needs run",
        ),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert why in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--write-baseline"):
        read_baseline(tmp_path / "none.json")
