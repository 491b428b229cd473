"""What a script printed of a run that was logged as well."""

from __future__ import annotations

from dataclasses import replace

from traindiag.readers.merge import Candidate, Merged

_PRINTED = "console"


def without_echoes(merged: list[Merged]) -> list[Merged]:
    """A text of no known writer beside the one run of a folder is what its script printed, rounded or averaged."""
    printed = [group for group in merged if group.main.reader == _PRINTED]
    logged = [group for group in merged if group.main.reader != _PRINTED]
    if len(logged) != 1:
        return merged
    for group in printed:
        logged[0].others.append(
            Candidate(
                run=replace(group.main.run, series=()), reader=_PRINTED, precedence=group.main.precedence
            )
        )
    return logged
