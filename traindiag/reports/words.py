"""Clauses as sentences."""

from __future__ import annotations

import re

_PLAIN_WORD = re.compile(r"[a-z]+(?= |$)")


def sentence(clause: str) -> str:
    """The clause with a capital and a full stop; a name at its start (``val_loss``) stays as it is."""
    if match := _PLAIN_WORD.match(clause):
        clause = match[0].capitalize() + clause[match.end() :]
    return clause + "." if clause[-1:].isalnum() or clause[-1:] in ")%" else clause
