"""Tables of which the name of the file says what they hold: a file a split, or a file a metric."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import NamedTuple

from traindiag.model.names import split_and_metric
from traindiag.readers.base import LogFile
from traindiag.readers.parsing.epochs import EPOCH_NAMES, STEP_NAMES
from traindiag.readers.parsing.histories import looks_like_metric
from traindiag.readers.parsing.layouts import Layout, iter_names, layout_of
from traindiag.readers.parsing.splits import split_of_word

_VALUE_NAMES = ("value", "values")
_TIME_NAMES = ("wall time", "wall_time", "timestamp")
_DOWNLOAD = re.compile(r"run-(?P<run>.*)-tag-(?P<tag>.+)")
_DVCLIVE = re.compile(r"(?P<home>.*)/plots/metrics/(?P<metric>[^\0]+)")
_WORD = re.compile(r"[A-Za-z]+")


class Named(NamedTuple):
    """What the name of a file says.

    Attributes:
        run: the path without what names split and metric: files alike in it are one run.
        split: empty where the name does not tell.
        metric: of a table of one metric, else empty.
        sure: whether a file alone is of that split: people have folders called ``dev`` and files called ``test``.
    """

    run: str
    split: str
    metric: str
    sure: bool = True


def tells_split(where: str) -> bool:
    """Whether the name of a file or of its folder may tell a split; quick, for thousands are asked."""
    folder, name = os.path.split(where)
    return any(map(_split_of, (os.path.basename(folder), *_WORD.findall(name))))


@lru_cache(maxsize=4096)
def _split_of(word: str) -> str | None:
    return split_of_word(word)


def named_of(file: LogFile) -> Named | None:
    """What the name of a table says that its columns do not; None where they say all there is."""
    if "named" not in file.memo:
        layout = layout_of(file)
        file.memo["named"] = None if layout is None else _named(os.path.splitext(file.where)[0], layout)
    found: Named | None = file.memo["named"]
    return found


@lru_cache(maxsize=1024)
def _named(path: str, layout: Layout) -> Named | None:
    names = [name.lower() for name in layout.names]
    numbers = [
        name for name in iter_names(layout) if name.lower() not in (*EPOCH_NAMES, *STEP_NAMES, *_TIME_NAMES)
    ]
    if len(numbers) == len(names) or not numbers:
        return None
    path = path.replace(os.sep, "/")
    folder, stem = os.path.split(path)
    if [name.lower() for name in numbers] in [[name] for name in _VALUE_NAMES]:
        download = _DOWNLOAD.fullmatch(stem)
        if download is None and not looks_like_metric(split_and_metric(stem)[1]):
            return None
        run, tag = (download["run"], download["tag"]) if download else ("", stem)
        split, rest = _without_split(run)
        return Named(f"{folder}/{rest}", split, tag)
    dvclive = _DVCLIVE.fullmatch(path)
    if dvclive and len(numbers) == 1:
        return Named(dvclive["home"], "", dvclive["metric"])
    if not any(map(looks_like_metric, numbers)) or any(
        split_and_metric(name, default="")[0] for name in numbers
    ):
        return None
    split, rest = _without_split(stem)
    if split:
        return Named(f"{folder}/{rest}", split, "", sure=split != "test")
    above, last = os.path.split(folder)
    split = split_of_word(last) or ""
    return Named(f"{above}/{stem}", split, "", sure=False) if split else None


def _without_split(name: str) -> tuple[str, str]:
    """The one word in a name that tells a split, and the rest; empty where none or several do."""
    words = [match for match in _WORD.finditer(name) if split_of_word(match[0])]
    if len(words) != 1:
        return "", name
    [word] = words
    return split_of_word(word[0]) or "", name[: word.start()] + name[word.end() :]
