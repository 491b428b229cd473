"""A pytest fixture that holds training logs against the gate of ``traindiag check``.

    def test_training_is_healthy(traindiag_report):
        assert traindiag_report("logs/").ok

Installed with traindiag and found by pytest itself. Nothing heavy is loaded before the fixture is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from traindiag.check import Gate
    from traindiag.model.finding import Finding
    from traindiag.model.report import Report
    from traindiag.settings import Settings

Logs = str | os.PathLike[str]


class GateResult:
    """What the gate says of some logs; an ``assert result.ok`` that fails shows the reason.

    Attributes:
        gate: everything, see `traindiag.check.Gate`.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @property
    def ok(self) -> bool:
        """Whether something was judged, nothing failed and every budget was kept."""
        return self.gate.ok

    @property
    def reason(self) -> str:
        """Why, in one clause."""
        return self.gate.reason

    @property
    def report(self) -> Report:
        """The report, for ``traindiag.render`` or tests of single findings."""
        return self.gate.report

    @property
    def failing(self) -> tuple[tuple[str, Finding], ...]:
        """The findings that fail the gate, each with the name of its run."""
        return self.gate.failing

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        words = {0: "passed", 1: "failed", 2: "not judged"}
        return f"<traindiag {words[self.gate.code]}: {self.reason}>"


Check = Callable[..., GateResult]


@pytest.fixture
def traindiag_report(request: pytest.FixtureRequest) -> Check:
    """A function that holds logs against the settings of the project: ``traindiag_report("logs/").ok``.

    Its arguments:

    - paths: log files or folders, relative to the current folder;
    - fail_on: "off", "note", "warning" or "error", in place of the settings';
    - budgets: such as ``["val_loss <= 0.35"]``, in place of the settings';
    - select, ignore: rules by name, code or beginning of a code;
    - config: a settings file; the one nearest to pytest's root folder when not given;
    - isolated: read no settings file.
    """
    root = request.config.rootpath

    def held(
        *paths: Logs,
        fail_on: Literal["off", "note", "warning", "error"] | None = None,
        budgets: Iterable[str] = (),
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        config: Logs | None = None,
        isolated: bool = False,
    ) -> GateResult:
        from traindiag.config import settings_for

        settings = settings_for(root, config=config, isolated=isolated)
        return _held(paths, _with_arguments(settings, fail_on, budgets, select, ignore))

    return held


def _with_arguments(
    settings: Settings,
    fail_on: str | None,
    budgets: Iterable[str],
    select: Iterable[str],
    ignore: Iterable[str],
) -> Settings:
    from dataclasses import replace

    from traindiag.budgets import parse_budget
    from traindiag.settings import least_severity

    if fail_on is not None:
        settings = replace(settings, fail_on=least_severity(fail_on))
    return settings.changed(
        budgets=tuple(parse_budget(each) for each in budgets), select=tuple(select), ignore=tuple(ignore)
    )


def _held(paths: tuple[Logs, ...], settings: Settings) -> GateResult:
    from traindiag.baseline import read_baseline
    from traindiag.check import check_runs
    from traindiag.readers.discover import find_runs

    baseline = read_baseline(settings.baseline) if settings.baseline else None
    found = find_runs(paths or settings.paths)
    return GateResult(check_runs(found.runs, found.unreadable, settings=settings, baseline=baseline))
