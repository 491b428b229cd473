"""No verdict depends on the unit of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.diagnosis import diagnose_run
from traindiag.model.names import is_loss, split_and_metric
from traindiag.rules.base import Example, Rule, all_rules

CASES = [
    (rule, example, fires)
    for rule in all_rules()
    for fires, examples in ((True, rule.fires_on()), (False, rule.silent_on()))
    for example in examples
]


def scaled(history: Mapping[str, list[float]], factor: float) -> dict[str, list[float]]:
    """Losses, and the gradients that have their unit, times `factor`; a named cross-entropy keeps its sign."""

    def unit(name: str) -> bool:
        metric = split_and_metric(name)[1]
        return is_loss(metric) or metric.startswith("gradient_norm")

    return {
        name: [value * factor for value in values] if unit(name) else values
        for name, values in history.items()
    }


def scaled_params(params: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """What guessing costs has the unit of the loss."""
    costs = {split: factor * cost for split, cost in params.get("chance_loss", {}).items()}
    return {**params, **({"chance_loss": costs} if costs else {})}


@pytest.mark.parametrize(
    ("rule", "example", "fires"), CASES, ids=lambda value: getattr(value, "name", str(value))
)
@settings(max_examples=4, deadline=None)
@given(exponent=st.floats(-4, 4))
def test_times_a_constant(rule: type[Rule], example: Example, fires: bool, exponent: float) -> None:
    changed = Example(
        name=example.name,
        history=scaled(example.history, 10.0**exponent),
        params=scaled_params(example.params, 10.0**exponent),
        first_epoch=example.first_epoch,
        epochs=example.epochs,
        seconds=example.seconds,
        damage=example.damage,
    )
    found = diagnose_run(changed.run())
    plain = diagnose_run(example.run())
    assert (rule.name in {finding.rule for finding in found.findings}) == fires
    assert found.verdict.rule == plain.verdict.rule
    assert [(f.rule, f.severity) for f in found.findings] == [(f.rule, f.severity) for f in plain.findings]
