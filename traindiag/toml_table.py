"""A table of a TOML file whose keys are taken one by one, so that a misspelt one is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from traindiag.model.errors import UsageError
from traindiag.model.nearest import did_you_mean


class Table:
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

    def tables(self, key: str) -> Iterator[Table]:
        """The tables of an array of tables."""
        for number, each in enumerate(self.take(key, [], list, "a list of tables")):
            yield Table(each, self.file, f"{self.prefix}.{key}[{number}]".lstrip("."))

    def table(self, key: str) -> Table:
        """A table within, empty where there is none."""
        values = self.take(key, {}, dict, "a table")
        return Table(values, self.file, f"{self.prefix}.{key}".lstrip("."))

    def finish(self) -> None:
        """Make sure that every key was known."""
        for key in self.values:
            hint = did_you_mean(key, self.known, f"known are {', '.join(self.known)}")
            table = f"[{self.prefix}]" if self.prefix else "this file"
            raise UsageError(f"unknown key {key!r} in {table}", where=self.file, next_step=hint)
