"""What one printed line says: where it stands, of which split it is, its names and numbers.

Lines that are alike but for their numbers say the same, so each kind is looked at once: a `Meaning` tells which of the
numbers of a line is what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from traindiag.model.names import mode_of, split_and_metric
from traindiag.readers.parsing.histories import looks_like_metric
from traindiag.readers.parsing.splits import column_names, split_of_word, splits_of_sets, within

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf)"
_EPOCH = re.compile(
    r"\b(?:epoch\b|train:(?= \d+ \[))[\"']?\s*(?:\(\w+\))?[\s\[(#:=]*(\d+(?:\.\d+)?)(?!\d*:\d)", re.I
)
_STEP = re.compile(
    r"\b(?:global[_ ]?step|step|iter|iteration|round|num_updates)\b[\"']?[\s\[(#:=]*(\d+)(?=[\s\]/,:)|]|$)",
    re.I,
)
_ROUND = re.compile(r"\[(\d+)\]\s")
_BATCH = re.compile(r"(?:[\[(]|\b(?:batch|iter|iteration|step|it)\b[\s:=#]*)\s*\d+\s*/\s*\d+|\d%\|", re.I)
_BAR = re.compile(r"\d%\|")
_PAIR = re.compile(
    rf"""(?P<name>[a-z_][\w@/'.+-]*(?:\ [a-z_@][\w@/'.+-]*){{0,3}})["']?
    (?:\s*[:=]\s*|\s+)["']?
    (?P<value>{_NUMBER})\s?%?(?:/(?P<of>\d+))?(?:\s*\(\s*(?P<mean>{_NUMBER})\s*%?\))?
    (?=["']?(?:[\s;|)\]}}]|,(?!\d)|\.(?:\s|$)|$))""",
    re.I | re.X,
)
_LABEL = re.compile(
    r"(?<![\w./-])(train(?:ing)?|val|valid(?:at(?:ion|ing))?|dev|eval(?:uation|uating)?|test(?:ing)?|saving dict)"
    r"(?![\w/-]|\.\w)",
    re.I,
)
_DOING = {"validating": "val", "evaluating": "val", "saving dict": "val"}
"""Words for a validation that are no names of a split; TensorFlow's Estimator saves a dict after each."""
_SET = re.compile(r"([a-z]+(?:_\d+)?)(?:'s |-)(\S+)", re.I)
_ORNAMENTS = frozenset(
    ("avg", "avg.", "average", "mean", "running", "epoch", "info", "debug", "warning", "error:")
)
_NOT_OF_NOW = re.compile(
    r"\b(best|final|lowest|highest|improved|finished|early stopp\w+|resum\w+|loaded)\b", re.I
)
TOKEN = re.compile(r"(?<![\w.@-])(?:[-+]?\.?\d[\d.]*(?:e[-+]?\d+)?|[-+]?(?:nan|inf)\b)", re.I)
"""A number that is no part of a name."""
_MOST_KINDS = 4_096


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a line says, numbers by their place in it.

    Attributes:
        epoch, step: where it stands, None where it does not say.
        split: of what follows without a word of its own: ``val`` after ``Validation:``, empty where nothing tells.
        values: by name of metric.
        totals: of values that are shares (``9900/10000``) the whole.
        batch: whether it is of a batch, not of an epoch.
        running: whether it holds means so far, of which the last is the epoch's.
    """

    epoch: int | None = None
    step: int | None = None
    split: str
    values: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    batch: bool = False
    running: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its metrics."""
        return tuple(self.values)

    @cached_property
    def of_training(self) -> bool:
        """Whether a name says that it is of the training set."""
        return any(split_and_metric(name, default="")[0] == "train" for name in self.values)


class Kinds:
    """The meanings of the kinds of lines met so far."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Meaning] = {}

    def read(self, line: str, split: str) -> tuple[Meaning, list[str]]:
        """The meaning of a line and its numbers.

        Args:
            line: without terminal codes.
            split: told by the lines before it.
        """
        tokens = TOKEN.findall(line)
        kind = TOKEN.sub("\0", line), split
        meaning = self._known.get(kind)
        if meaning is None:
            if len(self._known) >= _MOST_KINDS:
                self._known.clear()
            meaning = self._known[kind] = _meaning(line, split)
        return meaning, tokens


def _meaning(line: str, split: str) -> Meaning:
    if _NOT_OF_NOW.search(line):
        return Meaning(split=split)
    at = {token.start(): place for place, token in enumerate(TOKEN.finditer(line))}
    epoch, step = _EPOCH.search(line), _STEP.search(line) or _ROUND.match(line)
    found = _PAIR.finditer(line) if at else ()
    pairs = [pair for pair in found if _is_metric(pair["name"]) and pair.start("value") in at]
    label = _LABEL.search(line, 0, pairs[0].start() if pairs else len(line))
    if label or epoch or step:
        split = _DOING.get(label[1].lower()) or split_of_word(label[1]) or "" if label else ""
    batch = _BATCH.search(line, epoch.end() if epoch else 0) is not None
    means = [pair for pair in pairs if batch and pair["of"] is None and pair.start("mean") in at]
    names = _names(pairs, split)
    shares = {name: pair for name, pair in names.items() if pair["of"] is not None}
    return Meaning(
        epoch=at.get(epoch.start(1)) if epoch else None,
        step=at.get(step.start(1)) if step else None,
        split=split,
        values={
            name: at[pair.start("mean" if pair in means else "value")]
            for name, pair in names.items()
            if name not in shares or mode_of(name) == "max"
        },
        totals={name: at[pair.start("of")] for name, pair in shares.items() if pair.start("of") in at},
        batch=batch,
        running=bool(means) or _BAR.search(line) is not None,
    )


def _is_metric(name: str) -> bool:
    """Whether a name ends with that of a metric (``cross entropy`` is of two words) and is not of the best so far."""
    *before, last = (word.lower() for word in _words(name)[-2:])
    known = looks_like_metric(split_and_metric(last)[1])
    two = bool(before) and looks_like_metric(f"{before[0]}_{last}") and not looks_like_metric(before[0])
    return (known or two) and not name.lower().startswith("best")


def _words(name: str) -> list[str]:
    """The words of a name without quotes around it and without those that tell nothing: ``avg``, ``value``."""
    words = name.rstrip("'").split(" ")
    while len(words) > 1 and words[0].lower() in _ORNAMENTS:
        del words[0]
    while len(words) > 1 and words[-1].lower() == "value":
        del words[-1]
    return words


def _names(pairs: Iterable[re.Match[str]], label: str) -> dict[str, re.Match[str]]:
    """The pairs by the names of their metrics, each with its split where one is told.

    Args:
        pairs: matches of a name and a number.
        label: the split that a word ahead of them tells; one beside a name holds for those that follow.
    """
    found: dict[str, re.Match[str]] = {}
    for pair in pairs:
        words = _words(pair["name"])
        name = " ".join(words)
        in_set = _SET.fullmatch(name) is not None
        if not in_set and len(words) > 1 and (split := split_of_word(words[0])):
            label = split
        found[within(label, name) if label and not in_set else name] = pair
    return _by_set(found)


def _by_set(values: dict[str, re.Match[str]]) -> dict[str, re.Match[str]]:
    """Names of evaluation sets as splits: ``validation_0-logloss`` of XGBoost, ``valid_1's auc`` of LightGBM."""
    named = {name: match for name in values if (match := _SET.fullmatch(name))}
    prefixes = column_names(splits_of_sets(match[1] for match in named.values()) or {})
    return {
        f"{prefixes[named[name][1]]}/{named[name][2]}" if name in named and prefixes else name: value
        for name, value in values.items()
    }
