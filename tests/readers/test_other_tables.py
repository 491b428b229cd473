from __future__ import annotations

import pytest

from traindiag.readers.discover import find_runs

LIGHTNING = """epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_acc,val_loss
,0.1,0,,,,
0,,49,,2.0,,
0,,62,,,0.5,1.5
0,,62,1.75,,,
,0.05,63,,,,
1,,99,,1.0,,
1,,125,,,0.75,1.25
1,,125,1.25,,,
"""


def test_lightning_sparse_rows(read_one):
    run = read_one("metrics.csv", LIGHTNING)
    assert run.source.reader == "lightning-csv"
    wide = run.wide()
    assert wide["loss"].tolist() == [1.75, 1.25]
    assert wide["loss_step"].tolist() == [2.0, 1.0]
    assert wide["val_loss"].tolist() == [1.5, 1.25]
    assert wide["val_acc"].tolist() == [0.5, 0.75]
    assert wide["learning_rate"].tolist() == [0.1, 0.05]
    assert "next row" in run.source.details["rows without epoch"]


def test_lightning_metric_with_steps_only_is_averaged_an_epoch(read_one):
    run = read_one("metrics.csv", "epoch,step,train_loss_step\n0,0,4\n0,1,2\n1,2,1\n1,3,3\n")
    assert run.wide()["loss"].tolist() == [3.0, 2.0]


YOLO = """  epoch,  train/box_loss,  train/cls_loss,  metrics/mAP50(B),  val/box_loss,  val/cls_loss,   lr/pg0,  lr/pg1
        {0},             1.5,             2.5,              0.25,           1.0,           2.0,      0.1,     0.2
        {1},             1.0,             1.5,               0.5,          0.75,          1.25,     0.05,     0.1
"""


@pytest.mark.parametrize("first", [0, 1])
def test_yolo_results(read_one, first):
    run = read_one("results.csv", YOLO.format(first, first + 1))
    assert run.source.reader == "yolo-csv"
    wide = run.wide()
    assert wide.index.tolist() == [0, 1]
    assert wide["loss"].tolist() == [4.0, 2.5]
    assert wide["val_loss"].tolist() == [3.0, 2.0]
    assert wide["val_mAP50(B)"].tolist() == [0.25, 0.5]
    assert wide["learning_rate"].tolist() == [0.1, 0.05]
    assert "sum of train/box_loss" in run.source.details["train/loss"]
    assert ("shifted" in run.source.details["epochs"]) == (first == 1)


FASTAI = """epoch,train_loss,valid_loss,accuracy,time
0,4.999118,#na#,00:12
epoch,train_loss,valid_loss,accuracy,time
0,0.5,0.625,0.75,00:12
1,0.25,0.5,0.875,00:13
"""


def test_fastai_history(read_one):
    run = read_one("history.csv", FASTAI)
    assert run.source.reader == "fastai-csv"
    wide = run.wide()
    assert wide["loss"].tolist() == [0.5, 0.25]
    assert wide["val_loss"].tolist() == [0.625, 0.5]
    assert wide["val_accuracy"].tolist() == [0.75, 0.875]
    assert run.source.damage == ()
    assert run.source.details["headers"] == "1 repeated header line"


def test_fastai_rows_that_end_early(read_one):
    run = read_one(
        "history.csv", "epoch,train_loss,valid_loss,auroc\n0,4.5,#na#\n0,0.5,0.75,0.5\n1,0.4,0.7,0.6\n"
    )
    assert run.source.damage == ()
    assert run.wide()["val_auroc"].tolist() == [0.5, 0.6]


GENERIC = (
    "EPOCH\tTIMESTAMP\tLEARNING_RATE\tTRAIN_LOSS\tDEV_LOSS\tDEV_F1\n"
    "1\t12:11:32\t0.1\t0.75\t0.5\t0.25\n2\t12:11:35\t0.1\t0.5\t0.25\t0.5\n"
)


def test_a_table_of_an_unknown_writer_is_read_and_the_guess_is_stated(read_one):
    run = read_one("loss.tsv", GENERIC)
    assert run.source.reader == "generic-table"
    assert run.wide()["val_loss"].tolist() == [0.5, 0.25]
    assert run.wide()["learning_rate"].tolist() == [0.1, 0.1]
    assert "DEV_LOSS as val/loss" in run.source.details["columns"]
    assert run.source.details["epochs"] == "as in the file, from 1"


def test_a_table_of_steps_is_on_the_step_axis(read_one):
    run = read_one("t.csv", "iteration,total_loss\n100,2.0\n200,1.0\n300,0.5\n")
    assert run.frame["step"].tolist() == [100, 200, 300]
    assert run.frame["epoch"].isna().all()


def test_a_table_of_losses_without_any_axis(read_one):
    run = read_one("losses.csv", "train_loss,test_loss\n2.0,3.0\n1.0,2.0\n")
    assert run.wide()["test_loss"].tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    "text",
    [
        "sepal,petal\n1,2\n3,4\n",
        "model,accuracy,f1\na,0.5,0.6\nb,0.7,0.8\n",
        "date,price,score\n1,2,3\n4,5,6\n",
        "epoch,note\n1,good\n2,bad\n",
        "epoch,x,y\n1,2,3\n",
    ],
)
def test_tables_of_other_things_are_no_logs(write, text):
    found = find_runs([write("table.csv", text)])
    assert found.runs == ()
    assert "metrics" in found.unreadable[0].message


def test_accuracy_in_percent_is_said(read_one):
    run = read_one("log.csv", "epoch,loss,accuracy\n0,1.0,45.5\n1,0.5,60.25\n")
    assert run.source.details["train/accuracy"] == "in percent"
    assert (
        "train/accuracy"
        not in read_one("log.csv", "epoch,loss,accuracy\n0,1.0,0.4\n1,0.5,0.6\n").source.details
    )


@pytest.mark.parametrize(("column", "per"), [("batch", 2), ("iteration", 9), ("step_in_epoch", None)])
def test_rows_of_batches_are_averaged_an_epoch(read_one, column, per):
    rows = [(e, b if per == 2 else 2 * e + b, e + b / 2) for e in range(4) for b in (0, 1)]
    run = read_one("log.csv", f"epoch,{column},train_loss\n" + "".join(f"{e},{b},{x}\n" for e, b, x in rows))
    expected = [e + 0.25 for e in range(4)] if per else [e + 0.5 for e in range(4)]
    assert run.wide()["loss"].tolist() == expected


def test_fractions_of_epochs_lie_in_the_epoch_they_complete(read_one):
    rows = "".join(f"{i / 4},{i}\n" for i in range(1, 17))
    run = read_one("log.csv", "epoch,loss\n" + rows)
    assert run.wide()["loss"].tolist() == [2.5, 6.5, 10.5, 14.5]
    assert "fractional" in run.source.details["epochs"]
    damaged = "".join(f"{e if e != 5 else 5.5},{e}\n" for e in range(12))
    assert "loss" in read_one("damaged.csv", "epoch,loss\n" + damaged).wide()
    assert "fractional" not in read_one("damaged.csv", "epoch,loss\n" + damaged).source.details["epochs"]


def test_percent_signs_are_no_words(read_one):
    run = read_one("log.csv", "epoch,loss,acc\n0,1.5,50.5%\n1,1.0,75 %\n")
    assert run.wide()["acc"].tolist() == [50.5, 75.0]


def test_scores_beside_losses_of_both_splits_are_of_the_validation(read_one):
    """As Hugging Face's notebooks show it."""
    text = "Epoch\tTraining Loss\tValidation Loss\tAccuracy\tGrad Norm\n1\tNo log\t2.5\t0.5\t3\n2\t1.5\t2.25\t0.75\t2\n"
    run = read_one("table.txt", text)
    wide = run.wide()
    assert wide["val_accuracy"].tolist() == [0.5, 0.75]
    assert wide["loss"].dropna().tolist() == [1.5]
    assert "Grad Norm" in wide
    assert run.source.damage == ()
    assert "Accuracy as val/accuracy" in run.source.details["columns"]
