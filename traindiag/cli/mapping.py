"""``--map``: logged names that cannot be guessed, put right by the user."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from traindiag.model.errors import UsageError
from traindiag.model.names import split_and_metric
from traindiag.model.nearest import did_you_mean


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """``["trn_obj=loss"]`` as a dict.

    Raises:
        UsageError: a pair has no ``=`` or an empty side.
    """
    mapping = {}
    for pair in pairs:
        old, _, new = (part.strip() for part in pair.rpartition("="))
        if not old or not new:
            raise UsageError(f"{pair!r} renames nothing", next_step="write NAME=METRIC, as in trn_obj=loss")
        mapping[old] = new
    return mapping


def check_names(mapping: Mapping[str, str], logged: Collection[tuple[str, str]]) -> None:
    """Make sure that every renaming did something: a misspelt column must not go unnoticed.

    Args:
        logged: split and metric of everything logged.

    Raises:
        UsageError: no run has the metric a name was mapped to.
    """
    if not logged:
        return
    names = sorted(metric if split == "train" else f"{split}_{metric}" for split, metric in logged)
    for old, new in mapping.items():
        if split_and_metric(new) not in logged:
            raise UsageError(
                f"no log has a column or key {old!r}",
                where=f"--map {old}={new}",
                next_step=did_you_mean(old, names, otherwise=f"logged are {', '.join(names[:8])}"),
            )
