"""Baselines: findings of today that are accepted, so that only new ones fail a gate.

A finding is known again by its rule and the name of its run: both outlive the next training, numbers do not.
An accepted finding that comes back worse (an error where a warning was accepted) counts as new.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traindiag.model.errors import UsageError
from traindiag.model.finding import Finding, Severity

SCHEMA = "traindiag.baseline/1"
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Accepted:
    """One accepted finding."""

    run: str
    rule: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted findings."""

    accepted: tuple[Accepted, ...] = ()

    def accepts(self, run: str, finding: Finding) -> bool:
        """Whether this finding, or a worse one of its rule on this run, was accepted."""
        return any(
            each.run == run and each.rule == finding.rule and each.severity.rank >= finding.severity.rank
            for each in self.accepted
        )

    def expired(self, judged: Iterable[str], found: Iterable[tuple[str, str]]) -> tuple[Accepted, ...]:
        """Accepted findings that are gone.

        Args:
            judged: names of the runs that were judged now; nothing is known of other runs.
            found: (run, rule) of all findings now.
        """
        names, still = set(judged), set(found)
        return tuple(
            each for each in self.accepted if each.run in names and (each.run, each.rule) not in still
        )


def baseline_of(findings: Iterable[tuple[str, Finding]]) -> Baseline:
    """The baseline that accepts these findings, given as (name of the run, finding)."""
    accepted = {Accepted(run=run, rule=each.rule, severity=each.severity) for run, each in findings}
    return Baseline(tuple(sorted(accepted)))


def baseline_text(baseline: Baseline) -> str:
    """The baseline as JSON: sorted, one finding a line, so that a change of it reads well in a review."""
    lines = [
        json.dumps({"run": each.run, "rule": each.rule, "severity": each.severity.value})
        for each in baseline.accepted
    ]
    body = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    return f'{{\n  "schema": "{SCHEMA}",\n  "accepted": {body}\n}}\n'


def read_baseline(path: str | os.PathLike[str]) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: there is none, or it is not one.
    """
    shown = os.fspath(path)
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise _no_baseline(shown, "too large")
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"the baseline cannot be read ({reason})", where=shown, next_step="--write-baseline makes one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _no_baseline(shown, "no JSON") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _no_baseline(shown, f'no "schema": "{SCHEMA}"')
    entries = document.get("accepted")
    if not isinstance(entries, list):
        raise _no_baseline(shown, 'no list "accepted"')
    return Baseline(tuple(sorted(_accepted(entry, shown) for entry in entries)))


def _accepted(entry: Any, shown: str) -> Accepted:
    try:
        return Accepted(run=str(entry["run"]), rule=str(entry["rule"]), severity=Severity(entry["severity"]))
    except (TypeError, KeyError, ValueError) as error:
        raise _no_baseline(shown, f"{entry!r:.60} needs run, rule and severity") from error


def _no_baseline(shown: str, why: str) -> UsageError:
    return UsageError(f"no baseline ({why})", where=shown, next_step="--write-baseline writes it anew")
