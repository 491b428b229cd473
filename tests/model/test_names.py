"""What the names of metrics say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traindiag.model.names import is_accuracy, is_loss, learning_rate_name, mode_of, split_and_metric

LESS = (
    "loss total_loss edge_final_output_loss loss_epoch dice_loss mse RMSE mean_absolute_error error_rate err1 top1_err "
    "accuracy_error binary_crossentropy cross_entropy negative_log_likelihood nll kl_divergence perplexity wer "
    "FID lpips brier_score expected_calibration_error hamming_loss huber log_cosh hinge smape bits_per_byte "
    "false_positives fpr"
).split()
MORE = (
    "accuracy acc acc5 top1 sparse_top_k_categorical_accuracy auc_2 AUC ROC_AUC pr_auc precision_1 recall@5 f1 F1Score "
    "fbeta_score mean_io_u MeanIoU iou_score mAP mAP_0.5 map50 metrics/mAP50-95(B) AP50 r2_score R2Score "
    "bleu sacrebleu rougeL rouge2 psnr ssim cosine_similarity pearsonr kappa mcc ndcg@10 hit_rate success_rate "
    "episode_return log_likelihood true_positives explained_variance specificity exact_match val_dice_coef"
).split()
NEITHER = (
    "epoch_time time step num_samples gpu_mem learning_rate loss_scale grad_norm gradient_norm/accuracy_head "
    "weight_norm zero_fraction/score_head dead_fraction/top_conv tokens_per_second time_per_epoch temperature"
).split()


@pytest.mark.parametrize("name", LESS)
def test_less_is_better(name: str) -> None:
    assert mode_of(name) == "min"


@pytest.mark.parametrize("name", MORE)
def test_more_is_better(name: str) -> None:
    assert mode_of(name) == "max"


@pytest.mark.parametrize("name", NEITHER)
def test_no_direction(name: str) -> None:
    assert mode_of(name) is None


@pytest.mark.parametrize(
    ("name", "split", "metric"),
    [
        ("val_loss", "val", "loss"),
        ("loss", "train", "loss"),
        ("train/loss", "train", "loss"),
        ("data/val_loss", "val", "data/loss"),
        ("gradient_norm/val_dense", "train", "gradient_norm/val_dense"),
        ("loss/val", "val", "loss"),
        ("valid_loss", "val", "loss"),
        ("eval_g0_loss", "val", "g0_loss"),
        ("TRAIN_LOSS", "train", "loss"),
        ("DEV_LOSS", "val", "loss"),
        ("Train Loss", "train", "loss"),
        ("Validation Accuracy", "val", "accuracy"),
        ("test_accuracy", "test", "accuracy"),
        ("val_edge_output_loss", "val", "edge_output_loss"),
        ("mse_val", "val", "mse"),
        ("train_lr", "train", "learning_rate"),
        ("train/learning_rate", "train", "learning_rate"),
        ("lr-Adam", "train", "learning_rate"),
        ("optimizer/lr", "train", "learning_rate"),
        ("val/mAP_0.5", "val", "mAP_0.5"),
        ("value", "train", "value"),
        ("training", "train", "training"),
        ("gradient_norm/dense", "train", "gradient_norm/dense"),
    ],
)
def test_split_and_metric(name: str, split: str, metric: str) -> None:
    assert split_and_metric(name) == (split, metric)


@pytest.mark.parametrize(
    "name", ["lr", "LR", "learning_rate", "learning rate", "lr/pg0", "lr-Adam", "base_lr", "epoch_lr"]
)
def test_learning_rate(name: str) -> None:
    assert learning_rate_name(name)


@pytest.mark.parametrize("name", ["lrs_used", "clr", "learning_curve", "color", "blur"])
def test_not_a_learning_rate(name: str) -> None:
    assert not learning_rate_name(name)


@pytest.mark.parametrize(
    "name", ["accuracy", "acc", "accuracy_1", "acc1", "binary_accuracy", "output_a_accuracy"]
)
def test_accuracy_of_known_chance(name: str) -> None:
    assert is_accuracy(name)


@pytest.mark.parametrize(
    "name", ["top_5_accuracy", "acc5", "accuracy_top5", "auc", "f1", "accuracy_loss", "top_k_accuracy"]
)
def test_no_accuracy_of_known_chance(name: str) -> None:
    assert not is_accuracy(name)


@pytest.mark.parametrize("name", ["loss", "total_loss", "main/loss", "loss_epoch", "val_box_loss"])
def test_loss(name: str) -> None:
    assert is_loss(name)


@pytest.mark.parametrize("name", ["loss_step", "loss_scale", "accuracy", "mse", "lossless"])
def test_no_loss(name: str) -> None:
    assert not is_loss(name)


@given(st.text(max_size=40))
def test_any_name_is_taken(name: str) -> None:
    split, metric = split_and_metric(name)
    assert split in ("train", "val", "test")
    assert mode_of(metric) in ("min", "max", None)
    assert not (is_loss(metric) and is_accuracy(metric))


@given(st.sampled_from(["val_", "val/", "valid_", "validation_"]), st.sampled_from(LESS + MORE[:20]))
def test_split_prefix_keeps_the_direction(prefix: str, metric: str) -> None:
    split, bare = split_and_metric(prefix + metric)
    assert split == "val"
    assert mode_of(bare) == mode_of(metric)
