from __future__ import annotations

import json
import math
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from traindiag.readers.discover import find_runs
from traindiag.readers.parsing.console_log import console_lines
from traindiag.readers.parsing.record_runs import runs_of_records

EPOCHS = range(6)
TRAIN = [round(2 / (i + 1), 4) for i in EPOCHS]
VAL = [round(1.5 + i / 8, 4) for i in EPOCHS]
ACC = [round(0.5 + i / 16, 4) for i in EPOCHS]


def each_epoch(line):
    """One block an epoch, of a template in i (from 0), n (from 1), and t, v, a: both losses and the accuracy."""
    return "".join(line.format(i=i, n=i + 1, t=TRAIN[i], v=VAL[i], a=ACC[i]) for i in EPOCHS)


LOGS = {
    "brackets": "Epoch [{n}/6], Loss: {t}, Val Loss: {v}, Val Acc: {a}\n",
    "absl": "I0429 20:20:04.28 1397614 train.py:224] Step #{i}: rate 0.1, loss {t}, cross entropy 2.5\n"
    "I0429 20:20:05.17 1397614 train.py:276] Step {i}: Validation accuracy = {a} (N=4352), loss = {v}\n",
    "bars": "INFO Epoch {n}/6 | Train Loss: {t} | Val Loss: {v} | Acc: {a}\n",
    "logging": "2024-01-01 10:00:0{i},123 - INFO - epoch={i} train_loss={t} val_loss={v} val_acc={a} lr=1e-3\n",
    "tutorial": "Epoch {i}\n-----\ntrain Loss: {t} Acc: 0.9\nval Loss: {v} Acc: {a}\n\n",
    "quickstart": "Epoch {n}\n----\nloss: {t}  [   64/60000]\nValid Error: \n Accuracy: {a}, Avg loss: {v} \n\n",
    "fairseq": "{i} | INFO | valid | epoch 00{n} | valid on 'valid' subset | loss {v} | acc {a} | best_loss 0.1\n"
    "{i} | INFO | train | epoch 00{n} | loss {t} | wps 12 | num_updates {n}00\n",
    "fairseq json": '[{i}][valid][INFO] - {{"epoch": {n}, "valid_loss": "{v}", "valid_acc": "{a}"}}\n'
    '[{i}][train][INFO] - {{"epoch": {n}, "train_loss": "{t}"}}\n',
    "mmengine": "05/01 - INFO - Epoch(train)  [{n}][ 5/13]  lr: 1.0e-02  time: 0.1  loss: {t}\n"
    "05/01 - INFO - Epoch(val) [{n}][7/7]    loss: {v}  accuracy: {a}  time: 0.2\n",
    "imagenet": "Epoch: [{i}][ 1/50]\tTime  0.2 ( 7.2)\tLoss 9.0e+00 (9.5e+00)\n"
    "Epoch: [{i}][50/50]\tTime  0.2 ( 7.2)\tLoss 9.0e+00 ({t})\n"
    "Val: [ 9/9]\tTime  0.2 ( 7.2)\tLoss 9.0e+00 ({v})\tAcc 9.9 ({a})\n",
    "xgboost": "[{i}]\ttrain-loss:{t}\teval-loss:{v}\teval-acc:{a}\n",
    "xgboost sklearn": "[{i}]\tvalidation_0-loss:{t}\tvalidation_1-loss:{v}\tvalidation_1-acc:{a}\n",
    "lightgbm": "[{n}]\ttraining's loss: {t}\tvalid_1's loss: {v}\tvalid_1's acc: {a}\n",
    "mxnet": "INFO:root:Epoch[{i}] Train-loss={t}\nINFO:root:Epoch[{i}] Validation-acc={a}\n"
    "INFO:root:Epoch[{i}] Validation-loss={v}\n",
    "nanogpt": "step {i}: train loss {t}, val loss {v}, val acc {a}\niter {i}: loss 9.5, time 30.20ms, mfu 1.20%\n",
    "tqdm": "\rEpoch {i}:  50%|#  | 5/10 [00:01<00:01, loss=9.5]"
    "\rEpoch {i}: 100%|###| 10/10 [00:02<00:00, loss={t}, val_loss={v}, val_acc={a}]\n",
    "estimator": "INFO:tensorflow:loss = {t}, step = {i} (1.2 sec)\n"
    "INFO:tensorflow:Saving dict for global step {i}: accuracy = {a}, global_step = {i}, loss = {v}\n",
    "dicts": "{{'epoch': {i}, 'train_loss': {t}, 'val_loss': {v}, 'val_acc': {a}}}\n",
    "wrapped": "epoch {i}, loss: tensor({t}, device='cuda:0', grad_fn=<NllLossBackward>), "
    "val_loss np.float64({v}) val_acc {a}\n",
    "doing": "=== Epoch {n} ===\nTraining...\n  loss = {t}\nEvaluating...\n  loss = {v}\n  accuracy = {a}\n",
    "timm": "Train: {i} [   0/9 (  0%)]  Loss: 9.5 ({t})  LR: 1e-3\nTest: [   8/9]  Loss: 9.5 (9.5)\n"
    "Validation: loss {v} acc {a}\n",
    "megatron": " iteration {i}/ 100 | lm loss: {t} | loss scale: 1.0 |\n"
    " validation loss at iteration {i} | lm loss value: {v} | acc: {a} |\n",
    "paddle": "[2024/01/01 10:00:00] ppocr INFO: epoch: [{n}/40], global_step: {i}0, loss: {t}\n"
    "[2024/01/01 10:00:00] ppocr INFO: eval loss: {v}, acc: {a}, fps: 30\n",
    "colours": "\x1b[32mepoch {i}\x1b[0m: loss \x1b[1m{t}\x1b[0m, val_loss {v}, val_acc {a}\r\n",
}


def wide(run):
    """Values by split and metric, on whichever axis."""
    curves = [curve for curve in run.curves() if not curve.metric.endswith("_step")]
    return {(each.split, each.metric): each.value.tolist() for each in curves}


@pytest.mark.parametrize("line", LOGS.values(), ids=LOGS)
def test_printed_lines(read_one, line):
    run = read_one("train.log", "Using cpu, epochs: 6, lr: 0.1\n" + each_epoch(line) + "Best val loss: 0.1\n")
    assert run.source.reader == "console"
    found = {(split, name.removeprefix("lm ")): values for (split, name), values in wide(run).items()}
    assert found["train", "loss"] == TRAIN
    assert found["val", "loss"] == VAL
    [accuracy] = [
        values for (split, name), values in found.items() if split == "val" and name.startswith("acc")
    ]
    assert accuracy == ACC


TABLES = {
    "fastai": ("epoch     train_loss  valid_loss  acc  time", "{i}         {t}      {v}       {a}    00:10"),
    "skorch": ("  epoch    train_loss    valid_acc    valid_loss     dur\n-------  ----------  -----  -----  ----",
               "      {n}    \x1b[36m{t}\x1b[0m    {a}    {v}  0.1"),
    "markdown": ("| Epoch | Train Loss | Val Loss | Val Acc |\n|---|---|---|---|", "| {i} | {t} | {v} | {a} |"),
    "blanks": ("epoch loss val_loss val_acc", "{i} {t} {v} {a}"),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row"), TABLES.values(), ids=TABLES)
def test_printed_tables(read_one, header, row):
    run = read_one("out.txt", f"some title\n{header}\n" + each_epoch(row + "\n") + "done in 3 s\n")
    assert wide(run) == {("train", "loss"): TRAIN, ("val", "loss"): VAL, ("val", "acc"): ACC}


def test_values_of_batches_are_averaged(read_one):
    text = "".join(f"Epoch {e} [{k}/100] loss: {e + k / 100}\n" for e in range(3) for k in (0, 50))
    run = read_one("train.log", text)
    assert run.wide()["loss"].tolist() == pytest.approx([0.25, 1.25, 2.25])


def test_lines_of_several_processes_are_averaged(read_one):
    text = "".join(f"[rank{rank}] epoch {e} loss {e + rank / 2}\n" for e in range(3) for rank in (0, 1))
    assert read_one("slurm-1.out", text).wide()["loss"].tolist() == [0.25, 1.25, 2.25]


def test_of_a_resumed_training_the_last_attempt_counts(read_one):
    text = "".join(
        f"epoch {e} loss {loss}\n" for e, loss in [(0, 5), (1, 4), (2, 3), (1, 3.5), (2, 2.5), (3, 2)]
    )
    assert read_one("train.log", text).wide()["loss"].tolist() == [5, 3.5, 2.5, 2]


def test_a_number_cut_at_the_end_is_left_out(read_one):
    run = read_one("train.log", each_epoch("epoch {i} loss {t}\n") + "epoch 6 loss 0.2")
    assert run.wide()["loss"].tolist() == TRAIN
    assert [each.what for each in run.source.damage] == ["the last line is cut off"]
    whole = read_one("whole.log", each_epoch("epoch {i} loss {v}\n") + "epoch 6 loss 2.2515")
    assert whole.wide()["loss"].tolist() == [*VAL, 2.2515]


def test_values_of_batches_beside_those_of_epochs_have_a_name_of_their_own(read_one):
    text = "".join(
        f"Epoch {e} [1/2] loss: 9\nEpoch {e} [2/2] loss: 8\nEpoch {e} loss: {e}\n" for e in range(3)
    )
    run = read_one("train.log", text)
    assert run.wide()["loss"].tolist() == [0, 1, 2]
    assert run.wide()["loss_step"].tolist() == [8.5] * 3


def test_what_is_printed_at_the_end_is_no_curve(read_one):
    run = read_one(
        "train.log", each_epoch("epoch {n}: loss {t}\n") + "Results:\ntest accuracy: 0.05\ntest f1: 0.3\n"
    )
    assert wide(run) == {("train", "loss"): TRAIN}


@pytest.mark.parametrize("number", ["1,234.5", "0,5", "0.5.3", "12:30"])
def test_what_may_be_another_number_is_not_read(write, number):
    text = "".join(f"epoch {e}: loss {number}\n" for e in range(4))
    assert find_runs([write("train.log", text)]).runs == ()


def test_nan_is_a_value_and_a_ratio_a_share(read_one):
    run = read_one(
        "train.log",
        "epoch 1 loss: nan, Accuracy: 9900/10000 (99%)\nepoch 2 loss: inf, Accuracy: 5/10 (50%)\n",
    )
    assert math.isnan(run.wide()["loss"][0])
    assert run.wide()["accuracy"].tolist() == [0.99, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "epoch: 100\nloss: mse 0.5\nlr: 0.1\n",
        "Epoch 1 is done\nEpoch 2 is done\n",
        "In epoch 3 the loss was 0.5.\n",
        "lr=0.1\n" * 9,
        "",
        json.dumps({f"model {e}": {"epoch": e, "loss": 1.0} for e in range(4)}, indent=1),
    ],
)
def test_other_texts_are_no_log(write, text):
    assert find_runs([write("notes.txt", text)]).runs == ()


def test_positions_beyond_all_numbers_are_none(read_one):
    run = read_one(
        "train.log", each_epoch("epoch {i} loss {t}\n") + "step 1e999: loss 0.1\nepoch 1e999 loss 0.1\n"
    )
    assert run.wide()["loss"].tolist()[:5] == TRAIN[:5]


def test_what_a_script_printed_beside_its_log_is_that_run(write, tmp_path):
    rows = "".join(f"{i},{t},{v}\n" for i, t, v in zip(EPOCHS, TRAIN, VAL, strict=True))
    write("run/log.csv", "epoch,loss,val_loss\n" + rows)
    write("run/train.log", each_epoch("epoch {i}: batch loss 3.{i}, loss 4.{i}\n"))
    [run] = find_runs([tmp_path / "run"]).runs
    assert run.source.reader == "keras-csv"
    assert [path.rpartition("/")[2] for path in run.source.also] == ["train.log"]
    assert wide(run) == {("train", "loss"): TRAIN, ("val", "loss"): VAL}


PIECES = [
    *"[](){}:=,|/%.'\n\r\b\t ", "\n", " ", "epoch", "step", "loss", "val", "acc", "Test", "nan", "-", "1", "0.5",
    "9" * 25, "1e999", "1.2.3", "100%|", "tensor(", "validation_0-", "iter", "\u00e9",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES)))
def test_any_text_is_read_or_passed_over(words):
    text = "epoch 1 loss 0.5\nepoch 2 loss 0.25\n" + "".join(words)
    for series, _ in runs_of_records(console_lines(text).records()):
        assert all(len(each) for each in series)


def test_long_lines_and_many_lines_take_no_time(write):
    begin = time.perf_counter()
    hostile = "epoch 1 " + "loss " * 200_000 + "\n" + "a-b/c " * 300 + "\n" + "epoch 1/" * 240 + "\n"
    text = "".join(f"Epoch {e}: loss {e}.5, val_loss {e}.75\n" for e in range(20_000)) + hostile
    [run] = find_runs([write("big.log", text)]).runs
    assert len(run.frame) == 40_000
    assert time.perf_counter() - begin < 5


def test_a_table_whose_cells_tell_of_epochs_is_no_log(write):
    rows = "".join(f"run{n},Adam,fine,val_loss min 0.8 at epoch {n}\n" for n in range(9))
    assert find_runs([write("index.csv", f"name,optimizer,verdict,reason\n{rows}")]).runs == ()
    printed = "Loading, building, compiling, training\n"
    assert find_runs([write("train.log", printed + each_epoch("epoch {n}: loss {t}\n"))]).runs
