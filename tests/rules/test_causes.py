"""The cause graph holds together."""

from __future__ import annotations

import pytest

from traindiag.diagnosis import diagnose_run
from traindiag.model.convert import run_from_history
from traindiag.model.finding import Severity
from traindiag.rules.base import Rule, all_rules
from traindiag.rules.causes import EXPLAINS, ORDER, REPLACES
from traindiag.rules.examples import decay, line, with_values

NAMES = {rule.name for rule in all_rules()}


def test_only_rules_are_named() -> None:
    named = {
        *ORDER,
        *REPLACES,
        *EXPLAINS,
        *(n for group in (REPLACES, EXPLAINS) for ns in group.values() for n in ns),
    }
    assert named <= NAMES
    assert len(set(ORDER)) == len(ORDER)


def test_every_state_that_is_no_illness_can_be_a_verdict() -> None:
    assert {rule.name for rule in all_rules() if rule.status != "ill" and rule.alone} <= set(ORDER)


@pytest.mark.parametrize("verdict", ORDER)
def test_what_a_verdict_replaces_it_does_not_explain(verdict: str) -> None:
    replaced, explained = REPLACES.get(verdict, frozenset()), EXPLAINS.get(verdict, frozenset())
    assert verdict not in replaced | explained
    assert not replaced & explained


@pytest.mark.parametrize("verdict", [name for name in ORDER if Rule.registry[name].status == "ill"])
def test_no_illness_is_reported_beside_health(verdict: str) -> None:
    assert {"learning", "converged", "undecided"} <= REPLACES[verdict]


def verdict_of(history: dict[str, list[float]]) -> str:
    return diagnose_run(run_from_history(history)).verdict.rule


def test_spikes_are_the_verdict_where_the_losses_are_well() -> None:
    val = decay(120, 2.3, 0.35, 0.1, 0.01, 1)
    spiked = with_values(decay(120, 2.3, 0.3, 0.1, 0.01), {40: 1.6, 66: 1.4, 94: 1.5})
    assert verdict_of({"loss": spiked, "val_loss": val}) == "loss-spike"


def test_a_rate_of_zero_is_a_verdict_and_a_climbing_one_stands_beside_divergence() -> None:
    rate = [1e-3] * 10 + [0.0] * 30
    fall = decay(10, 2.3, 0.3, 0.05, 0.005)
    flat = fall + line(30, fall[-1], fall[-1], 0.003)
    assert verdict_of({"loss": flat, "val_loss": flat, "learning_rate": rate}) == "learning-rate-schedule"
    torn = decay(30, 2.3, 0.8, 0.2, 0.01) + line(20, 0.9, 3.0, 0.02)
    ramp = [1e-4 * 1.15**epoch for epoch in range(50)]
    report = diagnose_run(run_from_history({"loss": torn, "val_loss": torn, "learning_rate": ramp}))
    assert report.verdict.rule == "diverging"
    assert "learning-rate-schedule" in {finding.rule for finding in report.findings}


def test_validation_of_another_kind_is_no_plateau() -> None:
    report = diagnose_run(
        run_from_history(
            {
                "loss": decay(60, 1.6, 0.1, 0.15, 0.01),
                "val_loss": line(60, 6.2, 6.1, 0.02, 1),
                "accuracy": decay(60, 0.4, 0.97, 0.15),
                "val_accuracy": line(60, 0.12, 0.12, 0.05),
            }
        )
    )
    assert report.verdict.rule == "val-mismatch"
    assert not {"plateau", "underfitting"} & {finding.rule for finding in report.findings}


def test_notes_are_never_a_verdict_of_illness() -> None:
    for rule in all_rules():
        for example in [*rule.fires_on(), *rule.silent_on()]:
            verdict = diagnose_run(example.run()).verdict
            if verdict.status == "ill":
                assert verdict.severity is not Severity.NOTE


def test_a_run_that_overfitting_leaves_to_val_mismatch_is_taken_up_there() -> None:
    """Also where training fell by too little for `val-mismatch` to speak by itself."""
    falls_little = line(20, 1.0, 0.8, 0.002)
    history = {
        "loss": falls_little,
        "val_loss": line(20, 2.0, 3.0, 0.01, 1),
        "accuracy": line(20, 0.4, 0.9, 0.005),
        "val_accuracy": line(20, 0.02, 0.0, 0.001),
    }
    assert verdict_of(history) == "val-mismatch"
