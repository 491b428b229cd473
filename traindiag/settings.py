"""What a gate goes by: rules, budgets, seeds, and what single runs are held to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from traindiag.analysis.seeds import SEEDS, group_name
from traindiag.budgets import Aggregate, Budget
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.names import Mode
from traindiag.model.nearest import did_you_mean

Level = Literal["off", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)


def least_severity(level: str) -> Severity | None:
    """The least severity that fails, from ``off``, ``note``, ``warning`` or ``error``; None for ``off``.

    Raises:
        UsageError: it is none of them.
    """
    if level not in LEVELS:
        hint = did_you_mean(level, LEVELS, f"choose {', '.join(LEVELS)}")
        raise UsageError(f"fail-on cannot be {level!r}", next_step=hint)
    return None if level == "off" else Severity(level)


_NO_RULES: Mapping[str, RuleSettings] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """What is set for one rule: a level that replaces its own severity, and its options."""

    level: Level | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def over(self, other: RuleSettings | None) -> RuleSettings:
        """These settings, and those of `other` where these say nothing."""
        if other is None:
            return self
        return RuleSettings(level=self.level or other.level, options={**other.options, **self.options})


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Rules and budgets for the runs below some paths.

    Attributes:
        paths: glob patterns for a run's name or path; ``*`` crosses folders, and a folder stands for all below.
        budgets: those that count instead of the general ones; None leaves them.
    """

    paths: tuple[str, ...]
    rules: Mapping[str, RuleSettings] = field(default_factory=lambda: _NO_RULES)
    budgets: tuple[Budget, ...] | None = None

    def covers(self, name: str, path: str) -> bool:
        """Whether a run of this name, read from this path, is meant."""
        return any(_matches(pattern, text) for pattern in self.paths for text in (name, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRun:
    """The settings that count for one run."""

    rules: Mapping[str, RuleSettings] = field(default_factory=lambda: _NO_RULES)
    budgets: tuple[Budget, ...] = ()

    def level(self, rule: str) -> Level | None:
        """The level set for a rule; None leaves each finding its own severity."""
        return self.rules[rule].level if rule in self.rules else None

    @property
    def options(self) -> dict[str, Mapping[str, Any]]:
        """Options by rule, as `traindiag.diagnose` takes them."""
        return {name: each.options for name, each in self.rules.items() if each.options}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a gate goes by.

    Attributes:
        source: the file they were read from; empty for the built-in ones.
        paths: what to check when the command line names nothing.
        fail_on: the least severity that fails; None when only budgets can fail.
        select, ignore: rules by name, code or beginning of a code.
        aggregate: which of several seeds stands for their setting.
        group_by: regular expression; runs that differ only in what it matches are seeds of one setting.
        budgets: limits for every run that no override covers.
        baseline: file of accepted findings; empty when there is none.
        metrics: ``"min"`` or ``"max"`` by metric (without ``val_``), where the name does not tell.
        rules: what is set for single rules, by name.
        overrides: later ones win.
    """

    source: str = ""
    paths: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.ERROR
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    aggregate: Aggregate = "worst"
    group_by: str = SEEDS
    budgets: tuple[Budget, ...] = ()
    baseline: str = ""
    metrics: Mapping[str, Mode] = field(default_factory=lambda: MappingProxyType({}))
    rules: Mapping[str, RuleSettings] = field(default_factory=lambda: _NO_RULES)
    overrides: tuple[Override, ...] = ()

    def for_run(self, name: str, path: str) -> ForRun:
        """What counts for a run of this name, read from this path."""
        rules, budgets = dict(self.rules), self.budgets
        for override in self.overrides:
            if override.covers(name, self._from_its_folder(path)):
                rules |= {rule: each.over(rules.get(rule)) for rule, each in override.rules.items()}
                budgets = budgets if override.budgets is None else override.budgets
        return ForRun(rules=rules, budgets=budgets)

    def changed(self, **given: Any) -> Settings:
        """These settings with what was given in their place; None and empty lists change nothing."""
        return replace(self, **{key: value for key, value in given.items() if value})

    def of_single_runs(self) -> Settings:
        """These settings without what does not matter until all runs are looked at together."""
        return replace(self, paths=(), fail_on=None, aggregate="worst", group_by=SEEDS, baseline="")

    def group(self, name: str) -> str:
        """The setting a run belongs to: its name without what tells seeds apart."""
        return group_name(name, self.group_by)

    def _from_its_folder(self, path: str) -> str:
        """A run's path relative to the folder of the settings, POSIX style."""
        if not self.source:
            return path
        try:
            return Path(os.path.relpath(path, Path(self.source).parent)).as_posix()
        except ValueError:  # Another drive.
            return path


def _matches(pattern: str, text: str) -> bool:
    pattern, text = pattern.removeprefix("./").rstrip("/"), text.removeprefix("./")
    return fnmatchcase(text, pattern) or fnmatchcase(text, f"{pattern}/*")
