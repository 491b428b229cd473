"""Why a gate passed, failed or could not judge: one clause, for a line on standard error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from traindiag.budgets import BudgetResult, value_text
from traindiag.model.finding import Finding, Severity
from traindiag.model.report import RunReport, Unreadable
from traindiag.settings import Settings


def failing_findings(failing: Iterable[tuple[str, Finding]]) -> list[str]:
    """``overfitting (error) in a, b and 3 more``, for each rule, the most severe first."""
    runs: dict[tuple[str, Severity], list[str]] = {}
    for run, finding in sorted(failing, key=lambda pair: -pair[1].severity.rank):
        runs.setdefault((finding.rule, finding.severity), []).append(run)
    return [f"{rule} ({severity}) in {_some(names)}" for (rule, severity), names in runs.items()]


def broken_budgets(broken: Iterable[BudgetResult]) -> list[str]:
    """``budget val_loss <= 0.35 broken: val_loss 0.41 in a and 1 more``, for each budget."""
    by_budget: dict[str, list[BudgetResult]] = {}
    for result in broken:
        by_budget.setdefault(result.budget.text, []).append(result)
    return [_broken(text, results) for text, results in by_budget.items()]


def _broken(text: str, results: Sequence[BudgetResult]) -> str:
    first, more = results[0], len(results) - 1
    value = "no value" if first.measured is None else value_text(first.budget, first.measured.value)
    return f"budget {text} broken: {value} in {first.group}{f' and {more} more' if more else ''}"


def _some(names: Sequence[str], most: int = 2) -> str:
    names = list(dict.fromkeys(names))
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def nothing_readable(unreadable: Sequence[Unreadable]) -> str:
    """What was the matter with the first file."""
    if not unreadable:
        return "no runs found"
    more = f" and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
    return f"nothing could be read: {unreadable[0].path}: {unreadable[0].message}{more}"


def none_judged(runs: Sequence[RunReport]) -> str:
    """``none of 3 runs could be judged: 2 too-short (TD401), 1 undecided (TD003)``."""
    counts = Counter(f"{run.verdict.rule} ({run.verdict.code})" for run in runs)
    rules = ", ".join(rule if len(counts) == 1 else f"{count} {rule}" for rule, count in counts.most_common())
    which = "the run could not" if len(runs) == 1 else f"none of {len(runs)} runs could"
    return f"{which} be judged: {rules}"


def passed(
    settings: Settings,
    *,
    judged: int,
    not_judged: int,
    unreadable: int,
    below: Iterable[Finding],
    accepted: int,
    budgets: int,
) -> str:
    """What was judged, and everything a person should know although the gate passed.

    Args:
        judged, not_judged, unreadable: numbers of runs, and of files.
        below: findings of illness that do not fail the gate; notes are not told.
        accepted: findings that the baseline accepts.
        budgets: budgets kept.
    """
    counts = Counter(each.severity for each in below if each.severity is not Severity.NOTE)
    parts = [
        f"{_counted(judged, 'run')} judged, {_nothing(settings)}",
        ", ".join(_counted(number, severity.value) for severity, number in counts.items()),
        f"{accepted} accepted by the baseline" if accepted else "",
        f"{_counted(budgets, 'budget')} kept" if budgets else "",
        f"{not_judged} not judged" if not_judged else "",
        f"{unreadable} unreadable" if unreadable else "",
    ]
    return "; ".join(filter(None, parts))


def _nothing(settings: Settings) -> str:
    if settings.fail_on is None:
        return "findings do not count"
    above = "" if settings.fail_on is Severity.ERROR else " or above"
    seeds = "" if settings.aggregate == "worst" else f" by the {settings.aggregate} of the seeds"
    return f"nothing at {settings.fail_on.value}{above}{seeds}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
