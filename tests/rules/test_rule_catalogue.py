"""Every rule proves itself: the runs it fires on, and the look-alikes it must not."""

from __future__ import annotations

import pytest

from traindiag.diagnosis import diagnose_run
from traindiag.rules.base import Example, Rule, all_rules

FIRES = [(rule, example) for rule in all_rules() for example in rule.fires_on()]
SILENT = [(rule, example) for rule in all_rules() for example in rule.silent_on()]


def rules_found(example: Example) -> set[str]:
    report = diagnose_run(example.run())
    assert not report.errored
    return {finding.rule for finding in report.findings}


def name(value: Example | type[Rule]) -> str:
    return value.name


@pytest.mark.parametrize(("rule", "example"), FIRES, ids=name)
def test_fires(rule: type[Rule], example: Example) -> None:
    assert rule.name in rules_found(example)


@pytest.mark.parametrize(("rule", "example"), SILENT, ids=name)
def test_silent(rule: type[Rule], example: Example) -> None:
    assert rule.name not in rules_found(example)


@pytest.mark.parametrize("rule", all_rules(), ids=name)
def test_page_is_complete(rule: type[Rule]) -> None:
    page = rule.page()
    for heading in ("Why it matters", "Evidence", "Remedies", "When to ignore", "References"):
        assert f"## {heading}\n" in page
    assert rule.__module__.rsplit(".", 1)[1] == rule.name.replace("-", "_")
    assert len(rule.summary()) <= 120
    for each in rule.options():
        assert each.metadata["help"]
        assert each.metadata["source"]


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.alone], ids=name)
def test_has_cases(rule: type[Rule]) -> None:
    assert len(list(rule.fires_on())) >= 1
    assert len(list(rule.silent_on())) >= 2
