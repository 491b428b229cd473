"""What the name of a metric says: its split, its bare name, and whether less or more is better.

The conventions are those of Keras (``val_`` prefix, ``acc``, ``auc_2``, ``output_a_loss``), TensorBoard
(``epoch_loss``, ``train/loss``), PyTorch Lightning (``train_loss_epoch``), fastai (``valid_loss``),
Hugging Face (``eval_loss``) and YOLO (``val/box_loss``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Mode = Literal["min", "max"]

LEARNING_RATE = "learning_rate"

_SPLIT_WORDS = {
    "train": "train", "training": "train", "tr": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "evaluation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_SPLIT_PREFIX = re.compile(
    rf"^({'|'.join(sorted(_SPLIT_WORDS, key=len, reverse=True))})[_/ .:-]+(?=\S)", re.I
)
_SPLIT_SUFFIX = re.compile(
    rf"(?<=\S)[_/ .:-]+({'|'.join(sorted(_SPLIT_WORDS, key=len, reverse=True))})$", re.I
)
_LEARNING_RATE = re.compile(r"^(lr|learning[_ ]?rate|base_lr)([-_/].*)?$", re.I)

# Whole words inside a metric's name, tried in this order: "error" wins over "accuracy" in "accuracy_error".
_MIN_WORDS = (
    "loss error err mse mae rmse msle mape logcosh nll crossentropy perplexity ppl divergence kld hinge "
    "poisson wer cer fid eer brier ece violation distance regret ter epe"
).split()
_MAX_WORDS = (
    "accuracy acc auc auroc auprc precision recall f1 fbeta iou miou map ap ar ndcg mrr r2 bleu rouge rouge1 "
    "rouge2 rougel rougelsum meteor dice jaccard kappa mcc correlation pearson spearman psnr ssim similarity "
    "score reward sensitivity specificity top hits exact"
).split()
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d?(?![0-9])|[A-Za-z]+|\d+")


def split_and_metric(name: str, default: str = "train") -> tuple[str, str]:
    """Split and bare metric of a logged name: ``val_loss`` -> ``("val", "loss")``.

    Args:
        name: the column, key or tag as written in the log.
        default: the split of names that do not tell.
    """
    name = name.strip()
    if learning_rate_name(name):
        return "train", LEARNING_RATE
    if match := _SPLIT_PREFIX.match(name):
        return _SPLIT_WORDS[match[1].lower()], _usual_case(name[match.end() :])
    if match := _SPLIT_SUFFIX.search(name):
        return _SPLIT_WORDS[match[1].lower()], _usual_case(name[: match.start()])
    return default, _usual_case(name)


def _usual_case(metric: str) -> str:
    """``LOSS`` and ``Loss`` are Keras' ``loss``; other names stay as they were logged."""
    return metric.lower() if metric.lower() in ("loss", "accuracy", "acc") else metric


def learning_rate_name(name: str) -> bool:
    """Whether a logged name means the learning rate: ``lr``, ``learning_rate``, ``lr-Adam``, ``lr/pg0``."""
    return _LEARNING_RATE.match(name.strip()) is not None


@lru_cache(maxsize=4096)
def metric_words(metric: str) -> tuple[str, ...]:
    """The lower-case words a metric's name is made of: ``"val/mAP_0.5"`` -> ``("val", "map", "0", "5")``."""
    return tuple(word.lower() for word in _TOKEN.findall(metric.replace("mAP", "Map").replace("IoU", "Iou")))


@lru_cache(maxsize=4096)
def mode_of(metric: str) -> Mode | None:
    """``"min"`` where less is better, ``"max"`` where more is, None where the name does not tell."""
    words = set(metric_words(metric))
    if words & set(_MIN_WORDS) or metric.lower().endswith(("loss", "error", "_err")):
        return "min"
    if words & set(_MAX_WORDS):
        return "max"
    return None


@lru_cache(maxsize=4096)
def is_loss(metric: str) -> bool:
    """Whether the name is that of a loss: ``loss``, ``total_loss``, ``main/loss``, ``edge_output_loss``."""
    return (
        metric.lower() == "loss" or metric_words(metric)[-1:] == ("loss",) or metric.lower().endswith("loss")
    )


@lru_cache(maxsize=4096)
def is_accuracy(metric: str) -> bool:
    """Whether the name is that of a plain accuracy, whose chance level can be known (not AUC or F1)."""
    words = metric_words(metric)
    return bool({"accuracy", "acc"} & set(words)) and mode_of(metric) == "max"
