"""The gate: levels, budgets, seeds and baselines come to one code and one reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from traindiag.baseline import Baseline, baseline_of
from traindiag.budgets import parse_budget
from traindiag.check import Gate, check_runs
from traindiag.model.convert import run_from_history
from traindiag.model.finding import Severity
from traindiag.model.report import Unreadable
from traindiag.model.run import Run
from traindiag.settings import Override, RuleSettings, Settings

EPOCH = np.arange(60)
HEALTHY = {"loss": 2 * 0.9**EPOCH + 0.1, "val_loss": 2 * 0.9**EPOCH + 0.15}
OVERFIT = {
    "loss": 2 * 0.93**EPOCH + 0.02,
    "val_loss": 0.5 + 1.5 * 0.8**EPOCH + np.maximum(0, EPOCH - 15) * 0.03,
}
SHORT = {name: values[:3] for name, values in HEALTHY.items()}


def run(name: str, history: Mapping[str, Any] = HEALTHY, factor: float = 1.0) -> Run:
    return run_from_history(
        {key: [factor * float(v) for v in values] for key, values in history.items()}, name=name
    )


def rules(**levels: str) -> dict[str, RuleSettings]:
    return {name.replace("_", "-"): RuleSettings(level=level) for name, level in levels.items()}  # type: ignore[arg-type]


def gate(*runs: Run, baseline: Baseline | None = None, **settings: Any) -> Gate:
    if "budgets" in settings:
        settings["budgets"] = tuple(parse_budget(each) for each in settings["budgets"])
    return check_runs(runs, settings=Settings(**settings), baseline=baseline)


def test_healthy_passes_and_says_how_much_was_judged() -> None:
    found = gate(run("a"), run("b"), run("c", SHORT))
    assert (found.code, found.reason) == (0, "2 runs judged, nothing at error; 1 not judged")
    assert found.ok


def test_ill_fails_and_names_rule_and_runs() -> None:
    found = gate(*(run(name, OVERFIT) for name in "abc"), run("d"))
    assert (found.code, found.reason) == (1, "overfitting (error) in a, b and 1 more")
    assert not found.ok
    assert {name for name, _ in found.failing} == {"a", "b", "c"}


def test_nothing_judged_is_no_pass() -> None:
    found = gate(run("a", SHORT), run("b", SHORT))
    assert (found.code, found.reason) == (2, "none of 2 runs could be judged: too-short (TD401)")
    assert gate().code == 2


def test_nothing_readable_tells_the_first_file() -> None:
    found = check_runs([], [Unreadable(path="a.csv", message="empty"), Unreadable(path="b", message="x")])
    assert (found.code, found.reason) == (2, "nothing could be read: a.csv: empty and 1 more")


@pytest.mark.parametrize(
    ("fail_on", "code"), [(Severity.ERROR, 0), (Severity.WARNING, 1), (Severity.NOTE, 1), (None, 0)]
)
def test_fail_on(fail_on: Severity | None, code: int) -> None:
    found = gate(run("a", OVERFIT), rules=rules(overfitting="warning"), fail_on=fail_on)
    assert found.code == code


def test_healthy_is_healthy_at_any_level() -> None:
    flawless = gate(run("a"), fail_on=Severity.NOTE)
    assert [finding.rule for _, finding in flawless.failing] == []


def test_levels_replace_severities_in_the_report() -> None:
    report = gate(run("a", OVERFIT), rules=rules(overfitting="note")).report.runs[0]
    assert (report.verdict.rule, report.verdict.status, report.verdict.severity) == (
        "overfitting", "ill", Severity.NOTE,
    )  # fmt: skip
    assert report.findings[0].severity is Severity.NOTE


@pytest.mark.parametrize(
    "off", [{"rules": rules(overfitting="off")}, {"ignore": ("TD101",)}, {"select": ("TD201",)}]
)
def test_a_rule_left_out_is_not_told_but_the_run_was_judged(off: dict[str, Any]) -> None:
    found = gate(run("a", OVERFIT), **off)
    assert found.code == 0
    assert found.reason.startswith("1 run judged")
    assert "overfitting" not in [finding.rule for finding in found.report.runs[0].findings]
    assert found.report.runs[0].verdict.rule != "overfitting"


def test_what_cannot_be_judged_can_be_made_to_fail() -> None:
    assert gate(run("a", SHORT), rules=rules(too_short="error")).reason == "too-short (error) in a"
    assert gate(run("a", SHORT), rules=rules(too_short="warning")).code == 2


def test_rule_options_are_used() -> None:
    strict = {"too-short": RuleSettings(options={"epochs": 99})}
    assert gate(run("a"), rules=strict).reason != gate(run("a")).reason


def test_overrides_hold_for_their_runs_only() -> None:
    override = Override(paths=("old/*",), rules=rules(overfitting="off"), budgets=())
    found = gate(run("old/a", OVERFIT), run("new", OVERFIT), overrides=(override,))
    assert found.reason == "overfitting (error) in new"


def test_a_broken_budget_fails_a_healthy_run_and_is_its_verdict() -> None:
    found = gate(run("a"), run("b", factor=0.5), budgets=["val_loss <= 0.1", "epochs <= 60"])
    assert found.code == 1
    assert found.reason == "budget val_loss <= 0.1 broken: val_loss 0.154 in a"
    report = found.report.runs[0]
    assert (report.verdict.rule, report.verdict.code, report.verdict.status) == (
        "over-budget",
        "TD802",
        "ill",
    )
    evidence = report.findings[0].evidence[0]
    assert (evidence.series, evidence.epochs, evidence.threshold) == ("val/loss", (59, 59), 0.1)
    assert found.report.runs[1].verdict.status == "healthy"
    assert "over-budget" not in [each.rule for each in report.skipped]


def test_an_ill_run_stays_ill_of_what_it_has() -> None:
    found = gate(run("a", OVERFIT), budgets=["val_loss <= 0.1"])
    assert found.report.runs[0].verdict.rule == "overfitting"
    assert found.reason.startswith("overfitting (error) in a; budget val_loss <= 0.1 broken")


def test_budgets_count_alone_when_findings_do_not() -> None:
    kept = gate(run("a", OVERFIT), fail_on=None, budgets=["val_loss <= 1"])
    assert (kept.code, kept.reason) == (
        0,
        "1 run judged, findings do not count; 1 error, 1 warning; 1 budget kept",
    )
    assert gate(run("a"), fail_on=None, budgets=["val_loss <= 0.1"]).code == 1
    assert gate(run("a", SHORT), fail_on=None, budgets=["val_loss <= 9"]).code == 0
    assert gate(run("a", SHORT), fail_on=None).code == 2


def test_budgets_off() -> None:
    found = gate(run("a"), budgets=["val_loss <= 0.1"], rules=rules(over_budget="off"))
    assert found.code == 0
    assert found.report.runs[0].verdict.status == "healthy"


def test_a_budget_nobody_logs_is_a_mistake_not_a_pass() -> None:
    found = gate(run("a"), budgets=["val_los <= 9"])
    assert found.code == 2
    assert "val_los <= 9" in found.reason
    assert "did you mean val_loss?" in found.reason
    untimed = gate(run("a"), budgets=["wall_time <= 1 h"])
    assert untimed.code == 2
    assert "times are in event files" in untimed.reason
    assert "did you mean" not in untimed.reason


def test_a_budget_one_run_does_not_log_is_broken_there() -> None:
    bare = run("bare", {"loss": HEALTHY["loss"], "accuracy": 1 - 0.9 ** (EPOCH + 1)})
    found = gate(run("a"), bare, budgets=["val_loss <= 9"])
    assert found.code == 1
    assert found.reason == "budget val_loss <= 9 broken: no value in bare"


@pytest.mark.parametrize(("aggregate", "code"), [("worst", 1), ("median", 0), ("best", 0)])
def test_findings_over_seeds(aggregate: str, code: int) -> None:
    runs = [run("m/seed-1", OVERFIT), run("m/seed-2"), run("m/seed-3")]
    assert gate(*runs, aggregate=aggregate).code == code


@pytest.mark.parametrize(("aggregate", "code"), [("worst", 1), ("median", 1), ("best", 0)])
def test_most_seeds_ill(aggregate: str, code: int) -> None:
    runs = [run("m/seed-1", OVERFIT), run("m/seed-2", OVERFIT), run("m/seed-3")]
    assert gate(*runs, aggregate=aggregate).code == code


@pytest.mark.parametrize(("aggregate", "code"), [("worst", 1), ("median", 1), ("best", 1)])
def test_one_setting_of_two_fails(aggregate: str, code: int) -> None:
    runs = [run("m/seed-1", OVERFIT), run("m/seed-2", OVERFIT), run("n/seed-1"), run("n/seed-2")]
    assert gate(*runs, aggregate=aggregate).code == code


def test_seeds_that_could_not_be_judged_have_no_say() -> None:
    runs = [run("m/seed-1", OVERFIT), run("m/seed-2", SHORT), run("m/seed-3", SHORT)]
    assert gate(*runs, aggregate="median").code == 1


@pytest.mark.parametrize(
    ("aggregate", "limit", "code"),
    [("worst", 0.3, 1), ("median", 0.3, 0), ("median", 0.2, 1), ("best", 0.2, 0), ("best", 0.1, 1)],
)
def test_budgets_over_seeds(aggregate: str, limit: float, code: int) -> None:
    runs = [run(f"m/seed-{n}", factor=factor) for n, factor in enumerate((1.0, 1.5, 3.0))]
    found = gate(*runs, aggregate=aggregate, budgets=[f"val_loss <= {limit}"])
    assert found.code == code, found.reason
    assert len(found.budgets) == (3 if aggregate == "worst" else 1)


def test_a_broken_budget_of_seeds_is_told_of_the_setting() -> None:
    runs = [run(f"m/seed-{n}", factor=factor) for n, factor in enumerate((1.0, 1.5, 3.0))]
    found = gate(*runs, aggregate="median", budgets=["val_loss <= 0.2"])
    assert found.reason == "budget val_loss <= 0.2 broken: val_loss 0.231 in m"
    (finding,) = [f for r in found.report.runs for f in r.findings if f.rule == "over-budget"]
    assert finding.message == "val_loss 0.231 breaks the budget val_loss <= 0.2, over 3 seeds of m"


def test_the_baseline_accepts_what_it_lists_and_no_more() -> None:
    first = gate(run("a", OVERFIT))
    baseline = baseline_of(first.failing)
    again = gate(run("a", OVERFIT, factor=1.1), baseline=baseline)
    assert (again.code, again.expired) == (0, ())
    assert "1 accepted by the baseline" in again.reason
    verdict = again.report.runs[0].verdict
    assert verdict.severity is Severity.NOTE
    assert "accepted" in verdict.message
    assert gate(run("b", OVERFIT), baseline=baseline).code == 1


def test_budgets_are_not_accepted_by_a_baseline() -> None:
    broken = {"budgets": ["val_loss <= 0.1"]}
    first = gate(run("a"), **broken)
    assert gate(run("a"), baseline=baseline_of(first.failing), **broken).code == 1


def test_expired_findings_are_told() -> None:
    baseline = baseline_of(gate(run("a", OVERFIT), run("b", OVERFIT)).failing)
    found = gate(run("a"), baseline=baseline)
    assert [(each.run, each.rule) for each in found.expired] == [("a", "overfitting")]
    assert gate(run("a", SHORT), baseline=baseline).expired == ()
