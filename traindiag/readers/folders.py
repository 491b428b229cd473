"""What the names of folders say: which only tell what kind of file lies in them, and which belong to one run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

_SPLITS = frozenset(
    (
        "train",
        "training",
        "learn",
        "validation",
        "val",
        "valid",
        "eval",
        "evaluation",
        "dev",
        "test",
        "testing",
    )
)
SPLIT_FOLDERS = frozenset(("train", "training", "learn", "validation", "val", "valid", "eval", "test"))
_PLAIN_FOLDERS = SPLIT_FOLDERS | frozenset(
    (
        "tb", "tensorboard", "tensorboard_logs", "tb_logs", "tblogs", "tfevents", "events", "board", "log", "logs",
        "log_dir", "logdir", "csv", "history", "histories", "json", "console", "results", "result_dir", "output",
        "outputs", "metrics", "files",
    )
)  # fmt: skip
"""Folder names that say what kind of file lies in them, not which run it is."""
_CHECKPOINT = re.compile(r"(checkpoint|ckpt)[-_]?\d+")
_CURVE = re.compile(rf"(.+)_({'|'.join(_SPLITS)})", re.IGNORECASE)
_STORE = frozenset(("params", "tags", "metrics"))
_STORE_MARK = "meta.yaml"


def is_plain(name: str) -> bool:
    """Whether a folder's name says only what kind of file lies in it."""
    lower = name.lower()
    return lower in _PLAIN_FOLDERS or _CHECKPOINT.fullmatch(lower) is not None


def home_of(folder: str) -> str:
    """The folder without trailing parts that only say what kind of file lies there."""
    while folder and is_plain(posixpath.basename(folder)):
        folder = posixpath.dirname(folder)
    return folder


def parts_of_one(name: str, folders: Collection[str], files: Collection[str]) -> bool:
    """Whether what lies in a folder belongs to the runs of the folder above it.

    That holds for folders that only say what lies in them, for the curves that PyTorch's ``add_scalars`` puts
    beside each other (``Loss_train``, ``Loss_val``), for the splits of event files, and for the store of MLflow.

    Args:
        name: of the folder.
        folders, files: names of what lies beside it, itself included.
    """
    if is_plain(name) or name.lower() in _SPLITS:
        return True
    if name in _STORE and _STORE_MARK in files:
        return True
    stem = _curve_stem(name)
    return stem is not None and any(other != name and _curve_stem(other) == stem for other in folders)


def _curve_stem(name: str) -> str | None:
    """``Loss_train`` -> ``Loss``."""
    curve = _CURVE.fullmatch(name)
    return None if curve is None else re.sub(r"\W", "_", curve[1])


def is_store(name: str, files: Collection[str]) -> bool:
    """Whether a folder is part of a store of MLflow, in which a metric called ``val/loss`` makes a folder."""
    return name in _STORE and _STORE_MARK in files
