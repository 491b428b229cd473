"""A gate comes to the same whichever way its runs were read and judged."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fleet_runs import write_runs

from traindiag.budgets import parse_budget
from traindiag.check import Gate, check_runs, gate_of
from traindiag.fleet.crews import Alone, Crew, Processes
from traindiag.fleet.stream import Fleet
from traindiag.fleet.work import Judging
from traindiag.model.finding import Severity
from traindiag.readers.discover import find_runs
from traindiag.reports.base import render
from traindiag.settings import Override, RuleSettings, Settings

SETTINGS = Settings(
    aggregate="median",
    group_by=r"run-\d+",
    budgets=(parse_budget("val_loss <= 0.35"), parse_budget("epochs <= 30")),
    overrides=(
        Override(
            paths=("*bs=16",),
            rules={"overfitting": RuleSettings(level="note")},
            budgets=(parse_budget("accuracy >= 0.5"),),
        ),
    ),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_runs(tmp_path_factory.mktemp("held") / "runs", range(36))


def by_fleet(runs: Path, settings: Settings, crew: Crew, cache: Path | None = None) -> tuple[Gate, int]:
    judging = Judging(settings=settings, cache=None if cache is None else os.fspath(cache))
    fleet = Fleet(paths=[runs], judging=judging, crew=crew)
    gate = gate_of(list(fleet.held()), fleet.unreadable, settings=settings)
    return gate, fleet.tally.known


def told(gate: Gate) -> tuple[Any, ...]:
    return gate.code, gate.reason, gate.budgets, gate.failing, render(gate.report, "json"), gate.accepted


@pytest.mark.parametrize("aggregate", ["worst", "median"])
def test_processes_and_cache_change_nothing(runs: Path, tmp_path: Path, aggregate: Any) -> None:
    settings = replace(SETTINGS, aggregate=aggregate)
    found = find_runs([runs])
    expected = told(check_runs(found.runs, found.unreadable, settings=settings))
    assert (expected[0], "val_loss <= 0.35 broken" in expected[1]) == (1, True)
    assert "no run logs what the budget 'accuracy >= 0.5' is about" in expected[1]
    assert told(by_fleet(runs, settings, Processes(2))[0]) == expected
    first, _ = by_fleet(runs, settings, Alone(), tmp_path)
    again, known = by_fleet(runs, settings, Alone(), tmp_path)
    assert told(first) == told(again) == expected
    assert known >= 35


def test_what_concerns_all_runs_together_does_not_make_them_unknown(runs: Path, tmp_path: Path) -> None:
    by_fleet(runs, SETTINGS, Alone(), tmp_path)
    others = replace(SETTINGS, fail_on=Severity.WARNING, aggregate="best", baseline="b.json", paths=("x",))
    assert by_fleet(runs, others, Alone(), tmp_path)[1] >= 35
    stricter = replace(SETTINGS, budgets=(parse_budget("val_loss <= 0.2"),))
    assert by_fleet(runs, stricter, Alone(), tmp_path)[1] == 0
