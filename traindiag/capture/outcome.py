"""What traindiag says of a scenario's logs, beside what it should say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from traindiag.capture.scenarios.base import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trained scenario, judged by its logs.

    Attributes:
        scenario: its name.
        seed: of the training.
        expected: the right verdicts, the best answer first.
        found: the verdict, or what kept it from being reached.
        asked: findings that must stand beside the verdict.
        missing: those of them that were not found.
    """

    scenario: str
    seed: int
    expected: tuple[str, ...]
    found: str
    asked: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the verdict is a right one and no finding is missing."""
        return self.found in self.expected and not self.missing

    @property
    def is_best(self) -> bool:
        """Whether the verdict is the best answer, not only a right one."""
        return self.found == self.expected[0]


def outcome_of(scenario: type[Scenario], seed: int, folder: Path) -> Outcome:
    """Reads the logs of a folder as `traindiag analyze` would, and judges them.

    Args:
        scenario: what was trained.
        seed: with which seed.
        folder: where its logs are.
    """
    from traindiag.diagnosis import diagnose_run
    from traindiag.readers.discover import find_runs

    runs = find_runs((folder,)).runs
    if len(runs) != 1:
        return _outcome(scenario, seed, "no run" if not runs else f"{len(runs)} runs", ())
    report = diagnose_run(runs[0])
    return _outcome(scenario, seed, report.verdict.rule, [finding.rule for finding in report.findings])


def _outcome(scenario: type[Scenario], seed: int, found: str, findings: Sequence[str]) -> Outcome:
    return Outcome(
        scenario=scenario.name,
        seed=seed,
        expected=scenario.expected,
        found=found,
        asked=scenario.findings,
        missing=tuple(rule for rule in scenario.findings if rule not in findings),
    )
