"""No log makes a rule fail, whatever its values."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.diagnosis import diagnose_run
from traindiag.rules.base import Example

NAMES = (
    "loss val_loss accuracy val_accuracy acc val_auc learning_rate gradient_norm gradient_norm/a gradient_norm/b "
    "zero_fraction/a dead_fraction/b data_time step_time epoch_time binary_crossentropy"
).split()
NUMBERS = st.one_of(
    st.floats(0, 3),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"), 0.5]),
)
CURVES = st.one_of(
    st.lists(NUMBERS, min_size=1, max_size=40),
    st.tuples(NUMBERS, st.integers(1, 40)).map(lambda pair: [pair[0]] * pair[1]),
)
MODELS = st.sampled_from(
    [
        None,
        [],
        {"config": {"layers": [{"class_name": "Dense", "config": {"units": 1, "activation": "softmax"}}]}},
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    history=st.dictionaries(st.sampled_from(NAMES), CURVES, min_size=1, max_size=8),
    first=st.integers(0, 50),
    model=MODELS,
    seconds=st.lists(st.floats(0, 100), max_size=0) | st.just([1.0] * 40),
)
def test_no_rule_fails(history: dict[str, list[float]], first: int, model: Any, seconds: list[float]) -> None:
    example = Example("any", history, params={"keras": model}, first_epoch=first, seconds=seconds)
    report = diagnose_run(example.run())
    assert [(each.rule, each.reason) for each in report.errored] == []
    for finding in report.findings:
        assert 0.5 <= finding.confidence <= 0.99
        assert finding.message
        assert "nan" not in finding.message.split()
