"""What a shell offers after the tab key: names of rules, formats, readers and scenarios that begin as typed."""

from __future__ import annotations

from collections.abc import Iterable


def rules(incomplete: str) -> list[str]:
    """Names of rules; codes too, once a capital letter is typed."""
    from traindiag.rules.base import all_rules

    return _beginning(incomplete, (word for rule in all_rules() for word in (rule.name, rule.code)))


def formats(incomplete: str) -> list[str]:
    """What ``--format`` takes."""
    from traindiag.reports.base import all_renderers

    return _beginning(incomplete, all_renderers())


def readers(incomplete: str) -> list[str]:
    """What ``--reader`` takes."""
    from traindiag.readers.base import all_readers

    return _beginning(incomplete, (reader.name for reader in all_readers()))


def scenarios(incomplete: str) -> list[str]:
    """What ``traindiag train`` takes."""
    from traindiag.capture.scenarios.base import all_scenarios

    return _beginning(incomplete, (each.name for each in all_scenarios()))


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    found = sorted(word for word in words if word.startswith(incomplete))
    return found if incomplete else [word for word in found if word.islower()]
