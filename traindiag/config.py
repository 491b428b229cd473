"""Settings of the gate: ``[tool.traindiag]`` in pyproject.toml, or the same keys in traindiag.toml.

The file nearest to the current folder counts, going upward; of two in one folder it is traindiag.toml, and a
pyproject.toml without ``[tool.traindiag]`` is passed over. docs/ci.md shows every key. What is not known is
an error, so that a misspelt key cannot leave a gate open.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from traindiag.analysis.seeds import SEEDS, check_pattern, group_name
from traindiag.budgets import AGGREGATES, Aggregate, Budget, parse_budget
from traindiag.diagnosis import choose_rules
from traindiag.model.errors import UsageError
from traindiag.model.finding import Severity
from traindiag.model.names import Mode
from traindiag.model.nearest import did_you_mean
from traindiag.rules.base import Rule, all_rules, find_rule

Level = Literal["off", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)
MODES: tuple[Mode, ...] = get_args(Mode)
OWN_FILE, PROJECT_FILE = "traindiag.toml", "pyproject.toml"


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


def find_file(folder: Path) -> Path | None:
    """The settings that count in a folder: its own, else those of the nearest folder above."""
    here = folder.absolute()
    for each in (here, *here.parents):
        own, project = each / OWN_FILE, each / PROJECT_FILE
        if own.is_file():
            return _from_here(own)
        if project.is_file() and _section(_toml(project), project) is not None:
            return _from_here(project)
    return None


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """The settings in a file: a pyproject.toml with ``[tool.traindiag]``, or a file of traindiag's own.

    Raises:
        UsageError: there is no such file, it is no TOML, or something in it is unknown or wrong.
    """
    path = Path(path)
    section = _section(_toml(path), path)
    if section is None:
        raise UsageError("has no [tool.traindiag]", where=str(path), next_step="add it, or name another file")
    prefix = "tool.traindiag" if path.name == PROJECT_FILE else ""
    return _settings(_Table(section, str(path), prefix))


def settings_for(folder: Path, *, config: str | os.PathLike[str] | None, isolated: bool) -> Settings:
    """The settings to use: those of a file, of the nearest file, or, `isolated`, the built-in ones.

    Raises:
        UsageError: as `read_settings`; or both `config` and `isolated` are given.
    """
    if config is not None and isolated:
        raise UsageError("--config and --isolated exclude each other", next_step="leave one of them out")
    found = Path(config) if config is not None else None if isolated else find_file(folder)
    return Settings() if found is None else read_settings(found)


def settings_text(settings: Settings) -> str:
    """The settings as the text of a traindiag.toml that means the same."""
    lines = [f"# {settings.source or 'built-in settings'}"]
    lines += [f"{key} = {_toml_value(value)}" for key, value in _plain(settings).items()]
    if settings.metrics:
        lines += ["", "[metrics]"]
        lines += [f"{_toml_value(name)} = {_toml_value(mode)}" for name, mode in settings.metrics.items()]
    for name, each in settings.rules.items():
        lines += ["", f"[rules.{name}]", *_rule_lines(each)]
    for override in settings.overrides:
        lines += ["", "[[overrides]]", f"paths = {_toml_value(override.paths)}"]
        if override.budgets is not None:
            lines.append(f"budgets = {_toml_value([each.text for each in override.budgets])}")
        for name, each in override.rules.items():
            lines += [f"[overrides.rules.{name}]", *_rule_lines(each)]
    return "\n".join(lines) + "\n"


def _plain(settings: Settings) -> dict[str, Any]:
    plain = {
        "paths": settings.paths,
        "fail-on": "off" if settings.fail_on is None else settings.fail_on.value,
        "select": settings.select,
        "ignore": settings.ignore,
        "aggregate": settings.aggregate,
        "group-by": settings.group_by,
        "budgets": [each.text for each in settings.budgets],
    }
    return plain | ({"baseline": settings.baseline} if settings.baseline else {})


def _rule_lines(each: RuleSettings) -> Iterator[str]:
    if each.level is not None:
        yield f"level = {_toml_value(each.level)}"
    for name, value in each.options.items():
        yield f"{name} = {_toml_value(value)}"


def _toml_value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    # JSON's strings, numbers and booleans are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(path), next_step="name a settings file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no TOML: {error}", where=str(path), next_step="mend it there") from error


def _section(document: Mapping[str, Any], path: Path) -> Any:
    """The part of a file that is ours; None where there is none."""
    if path.name != PROJECT_FILE:
        return document
    tool = document.get("tool", {})
    return tool.get("traindiag") if isinstance(tool, dict) else None


class _Table:
    """A table of the file whose keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, values: Any, file: str, prefix: str) -> None:
        self.file = file
        self.prefix = prefix
        if not isinstance(values, dict):
            raise self.error("must be a table")
        self.values: dict[str, Any] = dict(values)
        self.known: list[str] = []

    def error(self, what: str, *, key: str = "", next_step: str = "docs/ci.md shows every key") -> UsageError:
        place = ".".join(part for part in (self.prefix, key) if part)
        return UsageError(f"{place} {what}".strip(), where=self.file, next_step=next_step)

    def take(self, key: str, default: Any, kind: type, kind_name: str) -> Any:
        """The value of a key, checked to be of a type."""
        self.known.append(key)
        value = self.values.pop(key, default)
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not right:
            raise self.error(f"must be {kind_name}, not {value!r:.40}", key=key)
        return value

    def text(self, key: str, default: str) -> str:
        return str(self.take(key, default, str, "a string"))

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        listed = self.take(key, list(default), list, "a list of strings")
        if not all(isinstance(each, str) for each in listed):
            raise self.error("must be a list of strings", key=key)
        return tuple(listed)

    def one_of(self, key: str, choices: Iterable[str], default: str) -> str:
        value, choices = self.text(key, default), tuple(choices)
        if value not in choices:
            hint = did_you_mean(value, choices, f"choose {', '.join(choices)}")
            raise self.error(f"cannot be {value!r}", key=key, next_step=hint)
        return value

    def tables(self, key: str) -> Iterator[_Table]:
        """The tables of an array of tables."""
        for number, each in enumerate(self.take(key, [], list, "a list of tables")):
            yield _Table(each, self.file, f"{self.prefix}.{key}[{number}]".lstrip("."))

    def table(self, key: str) -> _Table:
        """A table within, empty where there is none."""
        values = self.take(key, {}, dict, "a table")
        return _Table(values, self.file, f"{self.prefix}.{key}".lstrip("."))

    def finish(self) -> None:
        """Make sure that every key was known."""
        for key in self.values:
            hint = did_you_mean(key, self.known, f"known are {', '.join(self.known)}")
            table = f"[{self.prefix}]" if self.prefix else "this file"
            raise UsageError(f"unknown key {key!r} in {table}", where=self.file, next_step=hint)


def _settings(table: _Table) -> Settings:
    settings = Settings(
        source=table.file,
        paths=_beside(table.file, table.texts("paths")),
        fail_on=least_severity(table.one_of("fail-on", LEVELS, "error")),
        select=_rule_names(table, "select"),
        ignore=_rule_names(table, "ignore"),
        aggregate=table.one_of("aggregate", AGGREGATES, "worst"),  # type: ignore[arg-type]
        group_by=_pattern(table),
        budgets=_budgets(table) or (),
        baseline="".join(_beside(table.file, filter(None, [table.text("baseline", "")]))),
        metrics=_metrics(table.table("metrics")),
        rules=_rules(table.table("rules")),
        overrides=tuple(_override(each) for each in table.tables("overrides")),
    )
    table.finish()
    return settings


def _beside(file: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Paths of a file of settings, which are relative to its own folder."""
    return tuple(str(_from_here(Path(file).parent / each)) for each in paths)


def _from_here(path: Path) -> Path:
    """The path as seen from the current folder; as it is on another drive."""
    try:
        return Path(os.path.relpath(path))
    except ValueError:
        return path


def _pattern(table: _Table) -> str:
    pattern = table.text("group-by", SEEDS)
    check_pattern(pattern, f"{table.file}: group-by")
    return pattern


def _budgets(table: _Table) -> tuple[Budget, ...] | None:
    if "budgets" not in table.values:
        table.known.append("budgets")
        return None
    try:
        return tuple(parse_budget(each) for each in table.texts("budgets"))
    except UsageError as error:
        if error.where:
            raise
        raise table.error(error.what, key="budgets:", next_step=error.next_step) from error


def _metrics(table: _Table) -> Mapping[str, Mode]:
    """Which direction is better, by metric."""
    return {name: table.one_of(name, MODES, "min") for name in tuple(table.values)}  # type: ignore[misc]


def _rule_names(table: _Table, key: str) -> tuple[str, ...]:
    names = table.texts(key)
    try:
        choose_rules(names)
    except UsageError as error:
        raise table.error(f"names no rule: {error.what}", key=key, next_step=error.next_step) from error
    return names


def _override(table: _Table) -> Override:
    override = Override(
        paths=table.texts("paths"), budgets=_budgets(table), rules=_rules(table.table("rules"))
    )
    table.finish()
    if not override.paths:
        raise table.error("covers nothing", next_step='give it paths, as in paths = ["runs/old"]')
    return override


def _rules(table: _Table) -> Mapping[str, RuleSettings]:
    rules = {}
    for key, value in table.values.items():
        try:
            rule = find_rule(key)
        except UsageError as error:
            names = [each.name for each in all_rules()]
            hint = did_you_mean(key, names, "`traindiag rules` lists them")
            raise table.error(f"has no rule {key!r}", next_step=hint) from error
        # rules.plateau = "off" is short for a table with this level.
        whole = {"level": value} if isinstance(value, str) else value
        rules[rule.name] = _rule(rule, _Table(whole, table.file, f"{table.prefix}.{key}"))
    return rules


def _rule(rule: type[Rule], table: _Table) -> RuleSettings:
    level: Any = table.one_of("level", LEVELS, "error") if "level" in table.values else None
    if level == "off" and rule.status != "ill":
        raise table.error("cannot be off: it says that a run is well or cannot be judged", key="level")
    table.known.append("level")
    given = {each.name: each.default for each in rule.options()}
    options = {
        name: table.take(name, default, *_kind(default))
        for name, default in given.items()
        if name in table.values
    }
    table.known += given
    table.finish()
    return RuleSettings(level=level, options=options)


def _kind(default: Any) -> tuple[Any, str]:
    """The type that an option's values have, and its name."""
    if isinstance(default, bool):
        return bool, "true or false"
    if isinstance(default, float):
        return (int, float), "a number"
    return (int, "a whole number") if isinstance(default, int) else (str, "a string")


def _matches(pattern: str, text: str) -> bool:
    pattern, text = pattern.removeprefix("./").rstrip("/"), text.removeprefix("./")
    return fnmatchcase(text, pattern) or fnmatchcase(text, f"{pattern}/*")
