"""Logged names that cannot be guessed, put right by the user: ``--map trn_obj=loss``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from traindiag.model.errors import UsageError
from traindiag.model.names import split_and_metric
from traindiag.model.nearest import did_you_mean
from traindiag.model.run import Run


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """``["trn_obj=loss"]`` as a dict.

    Raises:
        UsageError: a pair has no ``=`` or an empty side.
    """
    mapping = {}
    for pair in pairs:
        old, _, new = (part.strip() for part in pair.rpartition("="))
        if not old or not new:
            raise UsageError(
                f"{pair!r} is no renaming", next_step="write LOGGED_NAME=METRIC, as in trn_obj=loss"
            )
        mapping[old] = new
    return mapping


def renamed(runs: Sequence[Run], mapping: Mapping[str, str]) -> list[Run]:
    """The runs with some series called otherwise.

    Args:
        runs: as read.
        mapping: from a logged name as Keras would write it (``obj``, ``val_obj``)
            to the right one (``loss``, ``val_loss``).

    Raises:
        UsageError: no run has a series of that name.
    """
    for old, new in mapping.items():
        if not any(old in _names(run) for run in runs):
            logged = sorted({name for run in runs for name in _names(run)})
            raise UsageError(
                f"no run has a metric {old!r}",
                where=f"--map {old}={new}",
                next_step=did_you_mean(old, logged, otherwise=f"there are {', '.join(logged[:8])}"),
            )
    return [_renamed(run, mapping) for run in runs]


def _names(run: Run) -> set[str]:
    pairs = run.frame[["split", "metric"]].drop_duplicates()
    return {_wide(str(split), str(metric)) for split, metric in pairs.itertuples(index=False)}


def _wide(split: str, metric: str) -> str:
    return metric if split == "train" else f"{split}_{metric}"


def _renamed(run: Run, mapping: Mapping[str, str]) -> Run:
    frame = run.frame.copy()
    wide = [
        _wide(str(split), str(metric)) for split, metric in zip(frame["split"], frame["metric"], strict=True)
    ]
    for old, new in mapping.items():
        rows = [name == old for name in wide]
        frame.loc[rows, "split"], frame.loc[rows, "metric"] = split_and_metric(new)
    return replace(run, frame=frame)
