"""GitHub's workflow commands: escaped, and no more of them than GitHub shows."""

from __future__ import annotations

from collections.abc import Iterable

from traindiag.reports.numbers import counted
from traindiag.reports.sanitise import sanitise

CAP = 10
"""GitHub shows ten annotations of each kind a step and drops the rest without a word."""


def folded(kind: str, commands: list[str], names: list[str]) -> list[str]:
    """The commands of one kind; where there are too many, the last one names what the others were about."""
    if len(commands) <= CAP:
        return commands
    rest = list(dict.fromkeys(names[CAP - 1 :]))
    shown = ", ".join(rest[:20]) + (f" and {len(rest) - 20} more" if len(rest) > 20 else "")
    title = f"{counted(len(commands) - CAP + 1, 'more finding')}"
    return [*commands[: CAP - 1], command(kind, {"title": title}, f"in {shown}")]


def command(kind: str, properties: dict[str, str], message: str) -> str:
    """A workflow command, escaped as GitHub's own toolkit does."""
    pairs = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {pairs}::{_data(message.split(chr(10)))}"


def _data(lines: Iterable[str]) -> str:
    return "%0A".join(sanitise(line).replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return sanitise(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
