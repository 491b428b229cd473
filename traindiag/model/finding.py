"""Findings: what a rule says of a run, why, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Status = Literal["healthy", "ill", "unjudged"]
OutcomeStatus = Literal["passed", "failed", "skipped", "errored"]


class Severity(StrEnum):
    """How bad a finding is, in SARIF's words."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for note, 1 for warning, 2 for error."""
        return ("note", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A place on a curve and a number.

    Attributes:
        series: ``val/loss``.
        epochs: first and last epoch it is about.
        observed: what was measured.
        threshold: the limit it was held against; None when there is none.
        note: what `observed` and `threshold` are, in a few words.
    """

    series: str
    epochs: tuple[int, int]
    observed: float
    threshold: float | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One thing to change.

    Attributes:
        action: short kebab-case name: ``early-stopping``, ``lower-learning-rate``.
        change: the change with this run's numbers.
        why: why it should help.
        snippet: Keras code to paste; empty when code does not help.
    """

    action: str
    change: str
    why: str
    snippet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule found.

    Attributes:
        confidence: 0..1, computed from the data.
        cause: the rule whose finding explains this one; empty when it stands for itself.
    """

    rule: str
    code: str
    severity: Severity
    confidence: float
    message: str
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one rule on one run; `reason` says why it was skipped or errored."""

    rule: str
    status: OutcomeStatus
    reason: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The most important thing to know about a run: the root cause before its symptoms."""

    rule: str
    code: str
    status: Status
    severity: Severity
    confidence: float
    message: str
