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
    "val-mismatch",
    "loss-spike",
    "plateau",
    "head-mismatch",
    "learning-rate-schedule",
    "noisy-validation",
    "too-short",
    "no-validation",
    "learning",
    "converged",
    "undecided",
)
"""Verdicts, the root cause before its symptoms, illness before health, health before "cannot tell".

The losses come first: what lies in the model, the data or the schedule is a verdict of its own only where they
show no illness. Rules that are not listed are never a verdict.
"""

_HEALTH = frozenset({"learning", "converged", "undecided"})
_TABLE = frozenset(
    {"learning", "converged", "undecided", "plateau", "overfitting", "data-problem", "diverging"}
)

REPLACES: dict[str, frozenset[str]] = {
    # Nothing after a NaN means anything, and a network that learns nothing has no generalisation to judge.
    "non-finite": _TABLE
    | {"stuck-at-chance", "oscillating", "slow-learning", "too-short", "no-validation", "trained-too-long"},
    "diverging": _TABLE - {"diverging"} | {"stuck-at-chance", "slow-learning", "oscillating"},
    "oscillating": _TABLE | {"stuck-at-chance", "slow-learning"},
    "stuck-at-chance": _TABLE | {"slow-learning"},
    "slow-learning": _TABLE,
    "overfitting": _TABLE - {"overfitting"} | {"underfitting", "val-below-train"},
    "data-problem": _TABLE - {"data-problem"},
    "plateau": _TABLE - {"plateau"},
    "head-mismatch": _HEALTH,
    # Training is good, validation never was: "both at a poor level" is not what happened.
    "val-mismatch": _HEALTH | {"plateau", "underfitting"},
    "learning-rate-schedule": _HEALTH,
    "loss-spike": _HEALTH,
    "noisy-validation": _HEALTH,
    "too-short": frozenset({"undecided"}),
    # "Keep training" and "the epochs after the best level won nothing" cannot both be said of one run.
    "learning": frozenset({"trained-too-long"}),
    "no-validation": frozenset({"undecided", "learning", "converged"}),
}
"""Findings that the verdict makes meaningless."""

EXPLAINS: dict[str, frozenset[str]] = {
    "non-finite": frozenset({"loss-spike", "exploding-gradient", "underfitting"}),
    "diverging": frozenset(
        {
            "loss-spike",
            "exploding-gradient",
            "val-mismatch",
            "trained-too-long",
            "noisy-validation",
            "overconfident",
        }
    ),
    "oscillating": frozenset({"loss-spike", "noisy-validation", "exploding-gradient", "trained-too-long"}),
    "stuck-at-chance": frozenset(
        {
            "dead-units",
            "vanishing-gradient",
            "underfitting",
            "val-mismatch",
            "trained-too-long",
            "missing-values",
        }
    ),
    "slow-learning": frozenset({"underfitting", "vanishing-gradient"}),
    "overfitting": frozenset({"trained-too-long", "val-mismatch", "overconfident"}),
    "plateau": frozenset({"underfitting", "trained-too-long"}),
    "data-problem": frozenset({"val-below-train", "underfitting"}),
    "head-mismatch": frozenset({"dead-units", "vanishing-gradient", "underfitting", "missing-values"}),
    "val-mismatch": frozenset({"overconfident", "trained-too-long"}),
    "learning-rate-schedule": frozenset(
        {"loss-spike", "exploding-gradient", "underfitting", "trained-too-long"}
    ),
    "loss-spike": frozenset({"exploding-gradient", "noisy-validation", "plateau", "underfitting"}),
}
"""Findings that follow from the verdict: kept, and listed as its symptoms."""


def rank(rule: str) -> int:
    """Place of a rule among the verdicts; rules that are never a verdict come last."""
    return ORDER.index(rule) if rule in ORDER else len(ORDER)
