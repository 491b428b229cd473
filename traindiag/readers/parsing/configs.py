"""Configuration files beside a log: which are known, and the plain values in them.

Of YAML only what such files hold is read: mappings by indentation and single values; lists, anchors and tags are
passed over. So no YAML package is needed and nothing is ever constructed.
"""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections.abc import Mapping
from typing import Any

_STEMS = ("hparams", "hyperparameters", "params", "config", "args", "opt", "flags")
CONFIG_FILES = frozenset(
    f"{stem}.{suffix}" for stem in _STEMS for suffix in ("json", "yaml", "yml", "toml")
) | {"overrides.yaml"}
_MOST_BYTES = 60_000
_MOST_KEYS = 500
_DEEPEST = 4


def config_of(name: str, data: bytes) -> Mapping[str, Any]:
    """The values in a configuration file; none where it is broken, too large, or no mapping.

    Args:
        name: of the file; its suffix tells the format.
        data: its beginning.
    """
    if len(data) > _MOST_BYTES:
        return {}
    try:
        text = data.decode()
        suffix = posixpath.splitext(name)[1]
        if suffix == ".json":
            found = json.loads(text)
        elif suffix == ".toml":
            found = tomllib.loads(text)
        else:
            found = _yaml(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _yaml(text: str) -> dict[str, Any]:
    """``key: value`` lines; a key without a value begins a mapping of the lines indented below it."""
    root: dict[str, Any] = {}
    levels: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    count = 0
    for line in text.splitlines():
        bare = line.strip()
        key, colon, value = bare.partition(":")
        if not bare or bare[0] in "#-%{[&!'\"" or not colon or (value and value[0] != " "):
            continue
        count += 1
        indent = len(line) - len(line.lstrip())
        while levels[-1][0] >= indent:
            levels.pop()
        if count > _MOST_KEYS or len(levels) > _DEEPEST:
            continue
        value = value.partition(" #")[0].strip()
        if value:
            levels[-1][1][key.strip()] = _scalar(value)
        else:
            inner: dict[str, Any] = {}
            levels[-1][1][key.strip()] = inner
            levels.append((indent, inner))
    return root


def _scalar(text: str) -> Any:
    lower = text.lower()
    if lower in ("true", "false"):
        return lower == "true"
    if lower in ("null", "~", "none"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("'\"") if text[0] not in "[{&*!|>" else None
