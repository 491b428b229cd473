"""Which rules the user wants to hear of."""

from __future__ import annotations

from collections.abc import Iterable


def chosen_rules(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str] | None:
    """The names of the rules left by ``--select`` and ``--ignore``; None when neither was given.

    Each word is a name (``overfitting``), a code (``TD101``), the beginning of codes (``TD1``), or several
    of them with commas between.

    Raises:
        UsageError: a word stands for no rule.
    """
    wanted, unwanted = _words(select), _words(ignore)
    if not wanted and not unwanted:
        return None
    from traindiag.rules.base import all_rules

    every = {rule.name for rule in all_rules()}
    kept = {name for word in wanted for name in _matching(word)} if wanted else every
    return frozenset(kept - {name for word in unwanted for name in _matching(word)})


def _words(values: Iterable[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _matching(word: str) -> set[str]:
    from traindiag.rules.base import all_rules, find_rule

    prefix = word.upper()
    if prefix[:2].isalpha() and prefix[2:].isdigit():
        found = {rule.name for rule in all_rules() if rule.code.startswith(prefix)}
        if found:
            return found
    return {find_rule(word).name}
