"""Which runs are seeds of one setting, by their names."""

from __future__ import annotations

import re

from traindiag.model.errors import UsageError

SEEDS = r"seed[-_=]?\d+"
"""Runs whose names differ only in what this matches are seeds of one setting."""

_JOINTS = "/_=. -"


def group_name(name: str, pattern: str = SEEDS) -> str:
    """A run's name without what `pattern` matches: ``lr0.1/seed-3`` -> ``lr0.1``.

    Where nothing is left the match is shown as a star: ``seed-3`` -> ``*``.
    """
    rest = re.sub(pattern, "", name, flags=re.IGNORECASE)
    rest = re.sub(rf"[{_JOINTS}]{{2,}}", lambda match: match[0][0], rest).strip(_JOINTS)
    return rest or re.sub(pattern, "*", name, flags=re.IGNORECASE)


def check_pattern(pattern: str, where: str) -> None:
    """Make sure that a pattern is a regular expression.

    Raises:
        UsageError: it is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"{pattern!r} is no regular expression ({error})",
            where=where,
            next_step=f"the default is {SEEDS}",
        ) from error
