"""What a person reads at a terminal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from handmade_reports import (
    HOSTILE,
    hostile_report,
    learning,
    many_runs,
    mixed_report,
    overfit,
    too_short,
)
from pytest_regressions.file_regression import FileRegressionFixture
from rich.cells import cell_len

from traindiag.model.finding import Outcome, Severity
from traindiag.model.report import Report
from traindiag.reports.base import render
from traindiag.reports.totals import totals

GOLDEN = Path(__file__).parents[1] / "golden"
ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
"""Characters of no width, whatever an older rich says."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("name", "report", "options"),
    [
        ("mixed-80", mixed_report(), {}),
        ("mixed-60-ascii", mixed_report(), {"width": 60, "ascii": True}),
        ("mixed-120-verbose", mixed_report(), {"width": 120, "verbose": True}),
        ("many-100", many_runs(25), {"width": 100}),
        ("hostile-80", hostile_report(), {}),
    ],
)
def test_golden(
    file_regression: FileRegressionFixture, name: str, report: Report, options: dict[str, bool]
) -> None:
    text = render(report, "text", **options)
    file_regression.check(text, fullpath=GOLDEN / f"{name}.txt", encoding="utf-8")


def _without_snippets(text: str) -> list[str]:
    # Code is never broken, so that it can be copied: it alone may be wider.
    return [line for line in text.splitlines() if not line.startswith(" " * 13)]


def _short_names(report: Report) -> Report:
    return replace(report, runs=tuple(replace(run, name="r") for run in report.runs))


@pytest.mark.parametrize("width", [40, 50, 60, 72, 80, 100, 200])
@pytest.mark.parametrize("ascii", [False, True])
def test_lines_fit(width: int, ascii: bool) -> None:
    for report in (mixed_report(), many_runs(12), hostile_report(), _short_names(mixed_report())):
        for line in _without_snippets(render(report, width=width, ascii=ascii)):
            assert cell_len(line) <= width, line
            assert line == line.rstrip()


def test_ascii_means_ascii() -> None:
    assert render(mixed_report(), ascii=True).isascii()
    assert render(hostile_report(), ascii=True).isascii()


def test_colour_changes_no_word() -> None:
    plain, colored = render(mixed_report()), render(mixed_report(), color=True)
    assert "\x1b[" not in plain
    assert "\x1b[1;31m" in colored
    stripped = "\n".join(line.rstrip() for line in ANSI.sub("", colored).splitlines())
    assert stripped == plain.rstrip("\n")


@pytest.mark.parametrize("color", [False, True])
def test_hostile_text_is_neutralised(color: bool) -> None:
    text = ANSI.sub("", render(hostile_report(), color=color, verbose=True))
    assert {unicodedata.category(each) for each in text if each != "\n"}.isdisjoint({"Cc", "Cf", "Cs"})
    assert r"\x1b]0;pwned\x07\u202etxt" in text
    assert HOSTILE not in text


def test_right_to_left_names_keep_to_themselves() -> None:
    name = "\u05d0\u05d1\u05d2/7"
    text = render(Report(runs=(replace(learning(), name=name),)))
    assert f"\u2068{name}\u2069 " in text
    long = render(Report(runs=(replace(learning(), name=name * 30),)))
    row = long.splitlines()[2]
    assert row.count("\u2068") == row.count("\u2069") == 1
    assert cell_len(row.translate(ISOLATES)) <= 80
    assert "\u2068" not in render(mixed_report())


def test_rich_markup_in_names_is_text() -> None:
    text = render(Report(runs=(replace(learning(), name="[bold]x[/bold] :smile:"),)), color=True)
    assert "[bold]x[/bold] :smile:" in text


def test_each_ill_run_has_verdict_evidence_and_remedy_with_code() -> None:
    text = render(mixed_report())
    for words in (
        "Validation loss has risen since epoch 17",
        "val/loss, epochs 17-59: 0.51, rise above the best (limit 0.05)",
        "1. Stop early: best epoch 17",
        "keras.callbacks.EarlyStopping(",
        "trained-too-long TD305",
        "logs/broken.csv",
        "5 runs: 3 ill, 1 healthy, 1 not judged; 1 file unreadable",
    ):
        assert words in text
    assert text.count("Epochs count from 0") == 1


def test_errors_come_before_warnings() -> None:
    text = render(mixed_report())
    assert text.index("✗ nan-run ─") < text.index("▲ sweep/plateau-lr0.01 ─")


def test_many_ill_runs_are_told_once_a_verdict() -> None:
    text = render(many_runs(200))
    assert len(text.splitlines()) < 300
    assert text.count("1. Stop early") == 1
    assert "39 other runs: " in text
    assert render(many_runs(200), verbose=True).count("1. Stop early") == 40


def test_what_was_not_checked_is_said_short_and_in_full() -> None:
    assert "Not checked for want of data: 3 rules; --verbose says which." in render(mixed_report())
    some = Report(runs=(learning(), replace(learning(), skipped=())))
    assert "want of data: 3 rules on some runs;" in render(some)
    both = Report(runs=(learning(), replace(learning(), skipped=learning().skipped[:1])))
    assert "want of data: 1 rule, 2 on some runs;" in render(both)
    assert "dead-units, vanishing-gradient: no gradient norms in this log" in render(
        mixed_report(), verbose=True, width=120
    )


def test_a_rule_that_failed_is_told() -> None:
    broken = replace(
        learning(), errored=(Outcome(rule="plateau", status="errored", reason="ZeroDivisionError: x"),)
    )
    assert "plateau on good/learning: ZeroDivisionError: x" in render(Report(runs=(broken,)))


def test_a_symptom_is_told_apart_from_another_fault() -> None:
    run = overfit()
    caused = replace(run.findings[1], cause="overfitting")
    text = render(Report(runs=(replace(run, findings=(run.findings[0], caused)),)))
    assert "  Hence ▲ trained-too-long" in text


def test_remarks_on_healthy_runs_are_shown() -> None:
    remark = replace(overfit().findings[1], severity=Severity.NOTE)
    run = replace(learning(), findings=(*learning().findings, remark))
    text = render(Report(runs=(run,)))
    assert "Healthy, with remarks" in text
    assert "42 of 60 epochs" in text


def test_totals() -> None:
    assert totals(Report(runs=())) == "0 runs"
    assert totals(Report(runs=(too_short(),))) == "1 run: 1 not judged"


def test_no_runs_at_all() -> None:
    assert render(Report(runs=())).strip() == "0 runs"
