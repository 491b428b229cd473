from __future__ import annotations

import itertools

import pytest

from traindiag.readers.discover import find_runs

EPOCHS = range(5)
BY_SPLIT = [
    (epoch, word, factor / (epoch + 1)) for epoch in EPOCHS for word, factor in (("train", 2), ("Valid", 4))
]


def table(header, rows, separator=","):
    return "\n".join([header, *(separator.join(map(str, row)) for row in rows), ""])


@pytest.mark.parametrize(
    "order", [BY_SPLIT, sorted(BY_SPLIT, key=lambda row: row[1])], ids=["mixed", "blocks"]
)
def test_a_column_of_splits(read_one, order):
    run = read_one("log.csv", table("epoch,phase,loss", order))
    assert run.source.reader == "long-table"
    assert "phase" in run.source.details["rows"]
    wide = run.wide()
    assert wide["loss"].tolist() == [2 / (epoch + 1) for epoch in EPOCHS]
    assert wide["val_loss"].tolist() == [4 / (epoch + 1) for epoch in EPOCHS]


def test_a_column_of_names_of_metrics(read_one):
    rows = [
        (i, name, str(i + shift).replace(".", ","))
        for name, shift in (("loss", 0.5), ("val_loss", 1.5))
        for i in EPOCHS
    ]
    run = read_one("log.csv", table("step;metric;value", rows, ";"))
    by_split = {each.split: each for each in run.series}
    assert by_split["train"].value.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert by_split["val"].value.tolist() == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert by_split["val"].step.tolist() == list(EPOCHS)


@pytest.mark.parametrize("names", [(0, 1, 2), ("quiet-fox", "sky-1", "z")], ids=["folds", "names"])
def test_a_column_of_runs(write, names):
    rows = [(name, epoch, 1 / (epoch + 1), k) for k, name in enumerate(names) for epoch in EPOCHS]
    found = find_runs([write("cv.csv", table("run,epoch,train_loss,val_loss", rows))])
    assert [run.name for run in found.runs] == [f"cv#{name}" for name in names]
    assert [run.wide()["val_loss"].unique().tolist() for run in found.runs] == [[0], [1], [2]]


def test_a_training_that_began_anew_is_another_run(write):
    rows = [(epoch, "train", loss) for epoch, loss in itertools.product((1, 2, 3), (1.0,))]
    found = find_runs([write("log.csv", table("epoch,split,loss", rows + rows))])
    assert [len(run.frame) for run in found.runs] == [3, 3]


def test_words_that_tell_no_split_are_no_split(read_one):
    rows = [(epoch, "fast", 1.0) for epoch in EPOCHS]
    assert read_one("log.csv", table("epoch,mode,loss", rows)).source.reader == "keras-csv"


def test_rows_of_another_width_are_counted(read_one):
    run = read_one("log.csv", table("epoch,phase,loss", [(0, "train", 1), (1, "train"), (2, "train", 3)]))
    assert run.wide()["loss"].tolist() == [1, 3]
    assert [(each.place, each.records) for each in run.source.damage] == [("line 3", 1)]
