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
_HPARAMS = re.compile(r"\d{10}\.\d+")
"""PyTorch's ``add_hparams`` calls its folder by the time."""
_TRAINER_LOGS = "runs"
_TRAINER_STATE = "trainer_state.json"
_STORE = frozenset(("params", "tags", "metrics"))
_STORE_MARK = "meta.yaml"


def is_plain(name: str) -> bool:
    """Whether a folder's name says only what kind of file lies in it."""
    lower = name.lower()
    return lower in _PLAIN_FOLDERS or _CHECKPOINT.fullmatch(lower) is not None


def of_hparams(folder: str, others: Collection[str]) -> bool:
    """Whether a folder is one that PyTorch's ``add_hparams`` made below another one."""
    above, _, name = folder.replace("\\", "/").rpartition("/")
    return _HPARAMS.fullmatch(name) is not None and any(each.replace("\\", "/") == above for each in others)


def home_of(folder: str) -> str:
    """The folder without trailing parts that only say what kind of file lies there."""
    while folder and is_plain(posixpath.basename(folder)):
        folder = posixpath.dirname(folder)
    return folder


def above_trainer_logs(home: str) -> str:
    """The folder of the Trainer whose ``runs/`` a folder lies in; itself where it lies in none."""
    above, mark, _ = f"/{home}/".rpartition(f"/{_TRAINER_LOGS}/")
    return above.removeprefix("/") if mark else home


def parts_of_one(name: str, folders: Collection[str], files: Collection[str]) -> bool:
    """Whether what lies in a folder belongs to the runs of the folder above it.

    That holds for folders that only say what lies in them, for the curves that PyTorch's ``add_scalars`` puts
    beside each other (``Loss_train``, ``Loss_val``), for the splits of event files, for what its ``add_hparams`` puts
    below them, and for what `is_store` tells.

    Args:
        name: of the folder.
        folders, files: names of what lies beside it, itself included.
    """
    if is_plain(name) or name.lower() in _SPLITS:
        return True
    if is_store(name, folders, files):
        return True
    if _HPARAMS.fullmatch(name) and any("tfevents" in file for file in files):
        return True
    stem = _curve_stem(name)
    return stem is not None and any(other != name and _curve_stem(other) == stem for other in folders)


def _curve_stem(name: str) -> str | None:
    """``Loss_train`` -> ``Loss``."""
    curve = _CURVE.fullmatch(name)
    return None if curve is None else re.sub(r"\W", "_", curve[1])


def is_store(name: str, folders: Collection[str], files: Collection[str]) -> bool:
    """Whether all that lies below a folder belongs to the run above it.

    That holds for a store of MLflow, in which a metric called ``val/loss`` makes a folder, and for ``runs/``, in which
    Hugging Face's Trainer makes a folder of event files beside its own state or its checkpoints.
    """
    if name == _TRAINER_LOGS:
        return _TRAINER_STATE in files or any(map(_CHECKPOINT.fullmatch, folders))
    return name in _STORE and _STORE_MARK in files
