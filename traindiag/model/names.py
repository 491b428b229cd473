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
_LEARNING_RATE = re.compile(r"^(\w+/|epoch_)?(lr|learning[_ ]?rate|base_lr)([-_/].*)?$", re.I)

# Words inside a metric's name, tried in this order: "error" wins over "accuracy" in "accuracy_error".
_MIN_WORDS = frozenset((
    "loss error err mse mae rmse msle rmsle mape smape wape mase logcosh cosh huber nll crossentropy bce perplexity "
    "ppl divergence kld kl hinge poisson wer cer fid kid lpips eer brier ece violation distance regret ter epe bpc "
    "bpb bits false fpr fnr fp fn misclassification hausdorff"
).split())  # fmt: skip
_MAX_WORDS = frozenset((
    "accuracy acc auc auroc roc auprc prc precision recall f1 f2 f05 fbeta fscore iou miou giou map ap ar ndcg mrr r2 "
    "bleu sacrebleu chrf meteor rouge rouge1 rouge2 rougel rougelsum cider dice jaccard kappa mcc matthews correlation "
    "pearson pearsonr spearman spearmanr psnr ssim similarity score reward return success sensitivity specificity top "
    "hit hits exact true tpr tnr tp tn elbo likelihood loglik silhouette explained pck"
).split())  # fmt: skip
_PHRASES = (("cross entropy", "crossentropy"), ("io u", "iou"), ("negative log likelihood", "nll"),
            ("f beta", "fbeta"), ("word error rate", "wer"))  # fmt: skip
"""Words that are one: ``mean_io_u`` is Keras' own name."""
_TOKEN = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_PLAIN = re.compile(r"^([a-z]+?)(\d+)$")
_DIAGNOSTIC = re.compile(
    r"^(grad|gradient|gradients|grad_[\d.]+|weight|weights|activation|zero|dead|update|param)s?_"
    r"(norm|fraction|ratio|mean|std|max|min)[^/]*(/|$)|(^|[_/])loss_(scale|scaling|weight)s?$",
    re.I,
)
"""Figures about the training itself: no direction is better, whatever the layer is called."""
_TOP_K = re.compile(r"top[_@ -]?k|top[_@ -]?([2-9]|\d\d)|(acc|accuracy)@?([2-9]|\d\d)(?!\d)", re.I)


@lru_cache(maxsize=4096)
def split_and_metric(name: str, default: str = "train") -> tuple[str, str]:
    """Split and bare metric of a logged name: ``val_loss`` -> ``("val", "loss")``.

    Args:
        name: the column, key or tag as written in the log.
        default: the split of names that do not tell.
    """
    name = name.strip()
    if learning_rate_name(name):
        return "train", LEARNING_RATE
    split, metric = default, name
    if match := _SPLIT_PREFIX.match(name):
        split, metric = _SPLIT_WORDS[match[1].lower()], name[match.end() :]
    elif match := _SPLIT_SUFFIX.search(name):
        split, metric = _SPLIT_WORDS[match[1].lower()], name[: match.start()]
    elif "/" in name and not _DIAGNOSTIC.search(name):  # ``data/train_loss``
        group, _, rest = name.rpartition("/")
        split, inner = split_and_metric(rest, default)
        if inner != rest and not learning_rate_name(rest):
            metric = f"{group}/{inner}"
    if learning_rate_name(metric):
        return "train", LEARNING_RATE
    return split, _usual_case(metric)


def _usual_case(metric: str) -> str:
    """``LOSS`` and ``Loss`` are Keras' ``loss``; other names stay as they were logged."""
    return metric.lower() if metric.lower() in ("loss", "accuracy", "acc") else metric


def learning_rate_name(name: str) -> bool:
    """Whether a logged name means the learning rate: ``lr``, ``lr-Adam``, ``lr/pg0``, ``optimizer/lr``."""
    return _LEARNING_RATE.match(name.strip()) is not None


@lru_cache(maxsize=4096)
def metric_words(metric: str) -> tuple[str, ...]:
    """The lower-case words a metric's name is made of: ``"val/mAP_0.5"`` -> ``("val", "map", "0", "5")``.

    A number is a word of its own (``acc5`` -> ``("acc", "5")``), but for names such as ``f1`` and ``rouge2``.
    """
    tokens = [token.lower() for token in _TOKEN.findall(metric.replace("mAP", "Map").replace("IoU", "Iou"))]
    text = " ".join(_split_number(token) for token in tokens)
    for phrase, word in _PHRASES:
        text = re.sub(rf"\b{phrase}\b", word, text)
    return tuple(text.split())


def _split_number(token: str) -> str:
    if token in _MAX_WORDS or token in _MIN_WORDS:
        return token
    return _PLAIN.sub(r"\1 \2", token)


@lru_cache(maxsize=4096)
def mode_of(metric: str) -> Mode | None:
    """``"min"`` where less is better, ``"max"`` where more is, None where the name does not tell."""
    if _DIAGNOSTIC.search(metric):
        return None
    words = frozenset(metric_words(metric))
    if words & _MIN_WORDS or metric.lower().endswith(("loss", "error", "_err")):
        return "min"
    return "max" if words & _MAX_WORDS else None


@lru_cache(maxsize=4096)
def is_loss(metric: str) -> bool:
    """Whether the name is that of a loss: ``total_loss``, ``main/loss``, ``edge_output_loss``, ``loss_epoch``."""
    return metric.lower().endswith(("loss", "loss_epoch")) and mode_of(metric) == "min"


@lru_cache(maxsize=4096)
def is_accuracy(metric: str) -> bool:
    """Whether the name is that of a plain accuracy, whose chance level can be known (not AUC, F1 or top 5)."""
    words = metric_words(metric)
    return bool({"accuracy", "acc"} & set(words)) and mode_of(metric) == "max" and not _TOP_K.search(metric)
