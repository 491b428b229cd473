"""``traindiag cache``: what is remembered of runs that were judged before, and how to forget it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

EXAMPLES = """[bold]Examples[/bold]
$ traindiag cache info
$ traindiag cache clear
"""


class CacheAction(StrEnum):
    """What to do with the cache."""

    INFO = "info"
    CLEAR = "clear"


def cache(action: Annotated[CacheAction, typer.Argument(help="Tell what is there, or forget it.")]) -> int:
    """Tell or forget the reports that analyze keeps of runs whose logs have not changed.

    They lie in the user's cache folder, or where TRAINDIAG_CACHE_DIR says. A report is found again by the content
    of the logs, the version of readers and rules, and the settings; `analyze --no-cache` does without.
    """
    from traindiag.cli.fleet import cache_folder
    from traindiag.fleet.cache import Cache
    from traindiag.reports.numbers import counted

    store = Cache(cache_folder())
    contents = store.clear() if action is CacheAction.CLEAR else store.contents()
    size = f"{contents.size / 1e6:,.1f} MB"
    verb = "forgot " if action is CacheAction.CLEAR else ""
    typer.echo(f"{verb}{counted(contents.entries, 'report')}, {size}, in {contents.folder}")
    return 0
