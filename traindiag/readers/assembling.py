"""What a merged log becomes: a run with its name, its source, and what lies beside it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from traindiag.analysis.effort import CONFIG
from traindiag.model.names import is_accuracy
from traindiag.model.run import Run, Source
from traindiag.readers.base import HEAD_BYTES, LogFile, LoggedRun
from traindiag.readers.merge import Merged, files_of
from traindiag.readers.parsing.configs import CONFIG_FILES, config_of
from traindiag.readers.parsing.run_facts import MOST_FACT_BYTES, facts_beside, facts_of
from traindiag.readers.walking import Root


def beside(root: Root, home: str, files: Sequence[LogFile]) -> Mapping[str, Any]:
    """What lies beside the log of the one run of a folder: what a recorder wrote, and a configuration."""
    facts = _facts(root, home, files)
    for file in files if root.is_folder else ():
        folder, name = posixpath.split(file.below)
        if folder == home and name in CONFIG_FILES and (config := config_of(name, file.head)):
            return {CONFIG: config, **facts}
    return facts


def _facts(root: Root, home: str, files: Sequence[LogFile]) -> Mapping[str, Any]:
    """What a recorder left beside the one run of a folder; of two runs nobody knows which it means."""
    if root.is_stdin:
        return {}
    below = posixpath.join(home, "run.json")
    beside = next((file for file in files if file.below == below and root.is_folder), None)
    if beside is not None and (root.is_remote or len(beside.head) < HEAD_BYTES):
        return facts_of(beside.read_bytes(MOST_FACT_BYTES))
    if root.is_remote:
        return {}
    return facts_beside(root.path / home if root.is_folder else root.path.parent)


def assembled(group: Merged, name: str, facts: Mapping[str, Any]) -> Run:
    """The run that a group of logs comes to; its own parameters win over what lies beside it."""
    run = group.logged()
    details = {**run.details, **_percent(run)}
    also = tuple(files_of(group))
    return Run(
        name=name,
        source=Source(
            path=run.files[0].shown if len(run.files) == 1 else _shared_folder(run.files),
            reader=group.main.reader,
            digest=run.digest,
            also=also,
            damage=tuple(run.damage),
            details=MappingProxyType(details),
        ),
        series=tuple(run.series),
        params=MappingProxyType({**facts, **run.params}),
    )


def _percent(run: LoggedRun) -> dict[str, str]:
    """Accuracies that count to 100, by their names."""
    details = {}
    for series in run.series:
        if is_accuracy(series.metric) and bool((series.value > 1.5).any()):
            top = np.nanmax(np.where(np.isfinite(series.value), series.value, 0.0))
            if 1.5 < top <= 100:
                details[f"{series.split}/{series.metric}"] = "in percent"
    return details


def _shared_folder(files: Sequence[LogFile]) -> str:
    """The folder that some files have in common; the two slashes of a URL stay two."""
    folders = [(posixpath.dirname(file.shown) or ".").replace("://", ":\0/") for file in files]
    return posixpath.commonpath(folders).replace(":\0/", "://")


def replace_name(run: Run, name: str) -> Run:
    """The run under another name."""
    if run.name == name:
        return run
    return Run(name=name, source=run.source, series=run.series, params=run.params)
