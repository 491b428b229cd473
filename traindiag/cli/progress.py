"""A sign of life for work that takes long: on standard error, on a terminal only, after half a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

PATIENCE = 0.5
"""Seconds before anything is shown; most calls are done by then."""


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner with a few words while the body runs, if it takes long enough to wonder."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    spinner = threading.Thread(target=_spin, args=(what, done), daemon=True)
    spinner.start()
    try:
        yield
    finally:
        done.set()
        spinner.join()


def _spin(what: str, done: threading.Event) -> None:
    if done.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        done.wait()


_ENOUGH = 20
"""Folders done before a rate is worth showing: the first ones wait for what is only done once."""


class Advance(Protocol):
    """What can be asked how far it is."""

    found: int
    done: int
    runs: int
    ill: int


@contextmanager
def advancing(advance: Advance, total: Callable[[], int] | None = None) -> Iterator[None]:
    """Show how many runs are done, how many a second, and how long the rest takes, while the body runs.

    Args:
        advance: the counts, changed by the body.
        total: counts what there is to do, in a thread of its own; None where that would cost too much.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    counted: list[int] = []
    threads = [threading.Thread(target=_show, args=(advance, counted, done), daemon=True)]
    if total is not None:
        threads.append(threading.Thread(target=_count, args=(total, counted, done), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        threads[0].join()


def _count(total: Callable[[], int], counted: list[int], done: threading.Event) -> None:
    if not done.wait(PATIENCE):
        with suppress(Exception):  # What is wrong is told by those who do the work.
            counted.append(total())


def _show(advance: Advance, counted: list[int], done: threading.Event) -> None:
    begin = time.monotonic()
    if done.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status("looking for runs") as status:
        while not done.wait(0.2):
            status.update(how_far(advance, counted[0] if counted else None, time.monotonic() - begin))


def how_far(advance: Advance, total: int | None, seconds: float) -> str:
    """``1,200 runs judged, 31 ill; 560/s; 8,800 of 10,000 folders left, 16 s``.

    Args:
        advance: what is done.
        total: folders and files there are; None while that is not known.
        seconds: since the beginning.
    """
    parts = [f"{advance.runs:,} runs judged, {advance.ill:,} ill"]
    if advance.done >= _ENOUGH and seconds > 0:
        parts.append(f"{advance.runs / seconds:,.0f}/s")
    if total is None:
        parts.append(f"{max(0, advance.found - advance.done):,} more found")
    else:
        left = max(0, total - advance.done)
        rest = f", {duration(left * seconds / advance.done)}" if advance.done >= _ENOUGH else ""
        parts.append(f"{left:,} of {total:,} folders left{rest}")
    return "; ".join(parts)


def duration(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
