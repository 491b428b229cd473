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
from pathlib import Path
from typing import Any, get_args

from traindiag.analysis.seeds import SEEDS, check_pattern
from traindiag.budgets import AGGREGATES, Budget, parse_budget
from traindiag.diagnosis import choose_rules
from traindiag.model.errors import UsageError
from traindiag.model.names import Mode
from traindiag.model.nearest import did_you_mean
from traindiag.rules.base import Rule, all_rules, find_rule
from traindiag.settings import LEVELS, Override, RuleSettings, Settings, least_severity
from traindiag.toml_table import Table

MODES: tuple[Mode, ...] = get_args(Mode)
OWN_FILE, PROJECT_FILE = "traindiag.toml", "pyproject.toml"


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
    return _settings(Table(section, str(path), prefix))


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


def _settings(table: Table) -> Settings:
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


def _pattern(table: Table) -> str:
    pattern = table.text("group-by", SEEDS)
    check_pattern(pattern, f"{table.file}: group-by")
    return pattern


def _budgets(table: Table) -> tuple[Budget, ...] | None:
    if "budgets" not in table.values:
        table.known.append("budgets")
        return None
    try:
        return tuple(parse_budget(each) for each in table.texts("budgets"))
    except UsageError as error:
        if error.where:
            raise
        raise table.error(error.what, key="budgets:", next_step=error.next_step) from error


def _metrics(table: Table) -> Mapping[str, Mode]:
    """Which direction is better, by metric."""
    return {name: table.one_of(name, MODES, "min") for name in tuple(table.values)}  # type: ignore[misc]


def _rule_names(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key)
    try:
        choose_rules(names)
    except UsageError as error:
        raise table.error(f"names no rule: {error.what}", key=key, next_step=error.next_step) from error
    return names


def _override(table: Table) -> Override:
    override = Override(
        paths=table.texts("paths"), budgets=_budgets(table), rules=_rules(table.table("rules"))
    )
    table.finish()
    if not override.paths:
        raise table.error("covers nothing", next_step='give it paths, as in paths = ["runs/old"]')
    return override


def _rules(table: Table) -> Mapping[str, RuleSettings]:
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
        rules[rule.name] = _rule(rule, Table(whole, table.file, f"{table.prefix}.{key}"))
    return rules


def _rule(rule: type[Rule], table: Table) -> RuleSettings:
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
