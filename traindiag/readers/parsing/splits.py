"""Which split a word means: the value of a column, the key of a group, the name of an evaluation set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from traindiag.model.names import learning_rate_name, mode_of, split_and_metric

SPLIT_NAMES = (
    "split",
    "phase",
    "mode",
    "stage",
    "subset",
    "set",
    "dataset",
    "partition",
    "type",
    "event",
    "kind",
)
"""Lower-case names of columns and keys whose words may say which split a row is of."""
_NUMBERED = re.compile(r"(.+?)[_ -]?(\d{1,3})")


def split_of_word(word: str) -> str | None:
    """``Validation`` -> ``val``; None where the word names no split."""
    if word.lower() == "learn":  # CatBoost's
        return "train"
    split, rest = split_and_metric(f"{word}/x", default="")
    return split if split and rest == "x" else None


def split_of_record(record: Mapping[Any, Any]) -> str:
    """The split that a word in a record tells (``{"phase": "val", ...}``), else train."""
    for key, word in record.items():
        if isinstance(word, str) and key in SPLIT_NAMES and (split := split_of_word(word)):
            return split
    return "train"


def within(split: str, name: str) -> str:
    """The name of a metric of a split, unless it tells its split itself; a learning rate is of none."""
    told = split_and_metric(name, default="")[0] or learning_rate_name(name)
    return name if told else f"{split}/{name}"


def untold_as_validation(names: Iterable[str]) -> Mapping[str, str]:
    """What scores without a split mean in a table whose losses tell both: those of the validation.

    So print fastai, skorch and Hugging Face's notebooks.
    """
    told = {name: split_and_metric(name, default="")[0] for name in names}
    if not {"train", "val"} <= set(told.values()):
        return {}
    return {name: within("val", name) for name, split in told.items() if not split and mode_of(name) == "max"}


def splits_of_sets(names: Iterable[str]) -> Mapping[str, str] | None:
    """The split of each data set of one training; None unless every name tells one.

    XGBoost and LightGBM number the sets they are given (``validation_0``, ``valid_1``), and by custom the first
    of several is the training set.
    """
    found: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name in names:
        numbered = _NUMBERED.fullmatch(name)
        split = split_of_word(numbered[1] if numbered else name)
        if split is None:
            return None
        found[name] = split
        if numbered:
            numbers[name] = int(numbered[2])
    if len(numbers) == len(found) > 1 and "train" not in found.values():
        found[min(numbers, key=numbers.__getitem__)] = "train"
    return found


def column_names(sets: Mapping[str, str]) -> Mapping[str, str]:
    """What to put before the metrics of each set: its split, and its own name where another has that split."""
    taken: set[str] = set()
    prefixes = {}
    for name, split in sets.items():
        prefixes[name] = f"{split}/{name}" if split in taken else split
        taken.add(split)
    return prefixes
