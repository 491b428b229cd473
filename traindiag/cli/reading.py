"""How a command reads the logs it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from traindiag.cli.mapping import check_mapping, parse_mapping
from traindiag.cli.progress import busy

if TYPE_CHECKING:
    from traindiag.readers.discover import Found


def read_logs(
    paths: Sequence[str],
    *,
    reader: str | None = None,
    mapping: Sequence[str] | None = None,
    histograms: bool = False,
) -> Found:
    """The runs below the paths, with the names of `--map` put right.

    Raises:
        UsageError: no such path, no such reader, or a renaming that renames nothing.
    """
    from traindiag.readers.discover import find_runs

    names = parse_mapping(mapping or ())
    with busy("reading logs"):
        found = find_runs(paths, reader=reader, names=names, histograms=histograms)
        check_mapping(names, found.runs)
    return found
