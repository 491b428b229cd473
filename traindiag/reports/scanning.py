"""SARIF's log around results: the tool, its rules, places and fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from traindiag.model.report import Unreadable

if TYPE_CHECKING:
    from traindiag.rules.base import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Object = dict[str, Any]


def sarif_text(
    *,
    version: str,
    rules: Sequence[Object],
    results: Sequence[Object],
    notifications: Sequence[Object],
    successful: bool,
) -> str:
    """The whole log with one SARIF run, as JSON in ASCII."""
    driver = {"name": "traindiag", "version": version, "rules": rules}
    run = {
        "tool": {"driver": {key: value for key, value in driver.items() if value != ""}},
        "invocations": [{"executionSuccessful": successful, "toolExecutionNotifications": notifications}],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, allow_nan=False) + "\n"


def rules_of(names: Iterable[str]) -> list[Object]:
    """The rules of these names with their pages, in the order of their codes."""
    from traindiag.rules.base import all_rules

    fired = set(names)
    return [_rule(rule) for rule in all_rules() if rule.name in fired]


def _rule(rule: type[Rule]) -> Object:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary()},
        "help": {"text": rule.page(), "markdown": rule.page()},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def location(path: str, name: str) -> Object:
    """A whole log; its name is the run's."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": path_uri(path)},
            # A run is about the whole file; GitHub shows no result without a line.
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"name": name, "kind": "object"}],
    }


def unreadable_notification(each: Unreadable) -> Object:
    """A file that could not be read, as something the tool has to say of its own work."""
    place = {"physicalLocation": {"artifactLocation": {"uri": path_uri(each.path)}}}
    return {"level": "error", "message": {"text": each.message}, "locations": [place]}


def fingerprint(*parts: str) -> str:
    """The same for the same rule on the same run, whatever the numbers are."""
    words = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(words, digest_size=16).hexdigest()


def path_uri(path: str) -> str:
    """A path as a URI reference: relative paths stay relative, absolute ones become ``file:`` URIs."""
    if PureWindowsPath(path).drive and PureWindowsPath(path).is_absolute():
        return "file:///" + quote(PureWindowsPath(path).as_posix(), safe="/:", errors="backslashreplace")
    quoted = quote(path, errors="backslashreplace")
    if PurePosixPath(path).is_absolute():
        return "file://" + quoted
    # A colon before the first slash would read as a scheme; quote has escaped it already.
    return quoted
