from __future__ import annotations

import pytest

from traindiag.capture.outcome import Outcome
from traindiag.capture.scenarios.base import all_scenarios
from traindiag.cli.agreement import print_agreement


def outcome(found: str, seed: int = 0, missing: tuple[str, ...] = (), name: str = "swing") -> Outcome:
    return Outcome(
        scenario=name,
        seed=seed,
        expected=("oscillating", "plateau"),
        found=found,
        asked=("resumed",) if missing else (),
        missing=missing,
    )


def test_the_best_answer_another_right_one_and_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [
        outcome("oscillating", name="a"),
        outcome("plateau", name="b"),
        outcome("converged", name="c"),
    ]
    assert not print_agreement(outcomes)
    _, first, second, third, _, *last = capsys.readouterr().out.splitlines()
    assert first.split() == ["a", "oscillating", "oscillating", "yes"]
    assert second.split() == ["b", "oscillating", "plateau", "also"]
    assert third.split() == ["c", "oscillating", "converged", "no"]
    assert last == [
        "2 of 3 agree, 1 of them by another verdict that is right as well (also)",
        "disagreeing: c (seed 0)",
    ]
    assert print_agreement(outcomes[:2])


def test_a_missing_finding_is_a_disagreement(capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_agreement([outcome("oscillating", missing=("resumed",))])
    assert "+ resumed" in capsys.readouterr().out


def test_seeds_of_one_scenario_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = ["plateau", "oscillating", "plateau", "learning"]
    assert not print_agreement([outcome(each, seed) for seed, each in enumerate(found)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:4]]
    assert rows == [
        ["swing", "oscillating", "plateau", "x2", "also"],
        ["oscillating", "oscillating", "x1", "yes"],
        ["oscillating", "learning", "x1", "no"],
    ]


def test_the_table_keeps_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [
        Outcome(
            scenario=each.name,
            seed=seed,
            expected=each.expected,
            found="learning-rate-schedule",
            asked=each.findings,
            missing=each.findings,
        )
        for each in all_scenarios()
        for seed in range(2)
    ]
    print_agreement(outcomes)
    *table, _ = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in table) <= 80
