"""How analyze and check go through many runs: who works, what is remembered, and what is shown meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from traindiag.cli.mapping import check_names, parse_mapping
from traindiag.cli.output import say
from traindiag.cli.progress import advancing
from traindiag.model.errors import UsageError

if TYPE_CHECKING:
    from traindiag.fleet.crews import Crew
    from traindiag.fleet.stream import Fleet
    from traindiag.settings import Settings

CACHE_VARIABLE = "TRAINDIAG_CACHE_DIR"


def cache_folder() -> Path:
    """Where reports of finished runs are kept: the user's cache folder, or ``TRAINDIAG_CACHE_DIR``."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("traindiag", appauthor=False)


def crew(jobs: str, dask: str | None) -> Crew:
    """Those who do the work.

    Raises:
        UsageError: `jobs` is no number, Dask is not installed, or nobody answers at the address.
    """
    if dask is not None:
        from traindiag.fleet.dask import DaskCrew

        return DaskCrew(dask, jobs=None if jobs == "auto" else _count(jobs))
    from traindiag.fleet.stream import crew_of

    return crew_of(None if jobs == "auto" else _count(jobs))


def _count(jobs: str) -> int:
    try:
        return int(jobs)
    except ValueError:
        raise UsageError(f"{jobs!r} is no number", where="--jobs", next_step="give 2, 8, or auto") from None


def fleet_of(
    paths: Sequence[str],
    *,
    curves: bool,
    settings: Settings | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    reader: str | None,
    mapping: Sequence[str] | None,
    histograms: bool,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    run: Sequence[str] | None = None,
    jobs: str,
    dask: str | None,
    no_cache: bool,
) -> Fleet:
    """What the options of a command come to.

    Args:
        curves: whether reports keep their curves.
        settings: those of a gate; then `select` and `ignore` stand there.

    Raises:
        UsageError: a renaming renames nothing; else as `crew`.
    """
    from traindiag.fleet.stream import Fleet
    from traindiag.fleet.work import Judging

    names = parse_mapping(mapping or ())
    return Fleet(
        paths=paths,
        judging=Judging(
            reader=reader,
            select=tuple(select),
            ignore=tuple(ignore),
            settings=settings,
            curves=curves,
            names_seen=bool(names),
            cache=None if no_cache else os.fspath(cache_folder()),
        ),
        crew=crew(jobs, dask),
        names=names,
        histograms=histograms,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        wanted=tuple(run or ()),
    )


@contextmanager
def under_way(fleet: Fleet) -> Iterator[None]:
    """Shows how far it is on a terminal; afterwards says which workers were lost, and keeps the cache small.

    Raises:
        UsageError: what ``--map`` renames or ``--run`` names is nowhere.
    """
    local = not any(_is_elsewhere(os.fspath(path)) for path in fleet.paths)
    with advancing(fleet.tally, (lambda: _total(fleet)) if local else None):
        yield
    if fleet.crew.deaths:
        say(f"traindiag: warning: {_deaths(fleet.crew.deaths)}; what they had in hand was read again")
    if fleet.judging.cache is not None and fleet.tally.done > fleet.tally.known:
        from traindiag.fleet.cache import Cache

        Cache(fleet.judging.cache).prune()
    check_names(fleet.names, fleet.logged)
    _check_wanted(fleet)


def _check_wanted(fleet: Fleet) -> None:
    if fleet.wanted and not fleet.tally.runs and fleet.tally.met:
        raise UsageError(
            f"no run has such a name, of {fleet.tally.met:,}",
            where=f"--run {' '.join(fleet.wanted)}",
            next_step="copy a name from the report of all runs, or use * for a part of it",
        )


def _deaths(count: int) -> str:
    return "a worker died" if count == 1 else f"workers died {count} times"


def _is_elsewhere(path: str) -> bool:
    from traindiag.readers.urls import is_url

    return path == "-" or is_url(path)


def _total(fleet: Fleet) -> int:
    """How many units of files there are."""
    from traindiag.readers.chosen import chosen
    from traindiag.readers.walking import Root

    wanted = chosen(fleet.include, fleet.exclude)
    roots: Sequence[Root] = [Root(os.fspath(path), {}, chosen=wanted) for path in fleet.paths]
    return sum(1 for root in roots for _ in root.units([]))
