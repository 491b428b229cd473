"""Which finding is the root and which are its symptoms.

One run has one verdict. It is the first rule of `ORDER` that found something; what it replaces is left out,
so that no two findings contradict each other, and what it explains is kept as its symptom.
"""

from __future__ import annotations

ORDER: tuple[str, ...] = (
    "non-finite",
    "diverging",
    "oscillating",
    "stuck-at-chance",
    "slow-learning",
    "overfitting",
    "data-problem",
    "plateau",
    "too-short",
    "no-validation",
    "learning",
    "converged",
    "undecided",
)
"""Verdicts, the root cause before its symptoms, illness before health, health before "cannot tell"."""

_TABLE = frozenset(
    {"learning", "converged", "undecided", "plateau", "overfitting", "data-problem", "diverging"}
)

REPLACES: dict[str, frozenset[str]] = {
    # Nothing after a NaN means anything, and a network that learns nothing has no generalisation to judge.
    "non-finite": _TABLE | {"stuck-at-chance", "oscillating", "slow-learning", "too-short", "no-validation"},
    "diverging": _TABLE - {"diverging"} | {"stuck-at-chance", "slow-learning", "oscillating"},
    "oscillating": _TABLE | {"stuck-at-chance", "slow-learning"},
    "stuck-at-chance": _TABLE | {"slow-learning"},
    "slow-learning": _TABLE,
    "overfitting": _TABLE - {"overfitting"},
    "data-problem": _TABLE - {"data-problem"},
    "plateau": _TABLE - {"plateau"},
    "too-short": frozenset({"undecided"}),
    "no-validation": frozenset({"undecided", "learning", "converged"}),
}
"""Findings that the verdict makes meaningless."""

EXPLAINS: dict[str, frozenset[str]] = {
    "non-finite": frozenset({"loss-spike", "exploding-gradient"}),
    "diverging": frozenset({"loss-spike", "exploding-gradient", "val-mismatch"}),
    "oscillating": frozenset({"loss-spike", "noisy-validation"}),
    "stuck-at-chance": frozenset({"dead-units", "vanishing-gradient", "underfitting", "val-mismatch"}),
    "overfitting": frozenset({"trained-too-long", "val-mismatch", "overconfident"}),
    "plateau": frozenset({"underfitting", "trained-too-long"}),
    "data-problem": frozenset({"val-below-train", "underfitting"}),
}
"""Findings that follow from the verdict: kept, and listed as its symptoms."""


def rank(rule: str) -> int:
    """Place of a rule among the verdicts; rules that are never a verdict come last."""
    return ORDER.index(rule) if rule in ORDER else len(ORDER)
