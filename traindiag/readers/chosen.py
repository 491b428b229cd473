"""Which files below a folder are wanted: ``--include`` and ``--exclude``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate


@dataclass(frozen=True, slots=True)
class Chosen:
    """Patterns as a shell knows them; ``*`` also matches ``/``.

    A pattern is held against the path below the root and against each of its parts: ``debug*`` means every
    folder and file of such a name, ``2026/*/log.csv`` one place. A folder that is meant takes with it what
    lies below.

    Attributes:
        include: where there are any, only what one of them matches.
        exclude: what one of them matches is left out, whatever `include` says.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def folder(self, below: str) -> bool:
        """Whether it is worth while to look into a folder."""
        return not _matches(self.exclude, below)

    def file(self, below: str) -> bool:
        """Whether a file is wanted; the folders above it are."""
        if _matches(self.exclude, below):
            return False
        return not self.include or any(_matches(self.include, each) for each in _with_folders(below))


EVERYTHING = Chosen()


def chosen(include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Chosen:
    """Patterns as the user typed them, a trailing or leading slash more or less."""
    return Chosen(tuple(map(_plain, include)), tuple(map(_plain, exclude)))


def _plain(pattern: str) -> str:
    return pattern.replace("\\", "/").removeprefix("./").strip("/")


def _matches(patterns: tuple[str, ...], below: str) -> bool:
    if not patterns:
        return False
    name = posixpath.basename(below)
    if below in patterns or name in patterns:  # A name that was copied may hold [ and ].
        return True
    return any(each.match(below) or each.match(name) for each in map(_compiled, patterns))


def _with_folders(below: str) -> Iterable[str]:
    while below:
        yield below
        below = posixpath.dirname(below)


_known: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _known:
        _known[pattern] = re.compile(translate(pattern))
    return _known[pattern]
