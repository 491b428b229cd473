from __future__ import annotations

import pytest

from traindiag.readers.discover import find_runs

STEPS = range(5)
TRAIN = [2 / (i + 1) for i in STEPS]
VAL = [3 / (i + 1) for i in STEPS]


def table(header, values, separator=","):
    rows = [f"{i}{separator}{value}" for i, value in enumerate(values)]
    return "\n".join([header, *rows, ""])


def losses(run):
    return {each.split: each.value.tolist() for each in run.series}


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("train.csv", "val.csv"),
        ("log_train_a.csv", "log_dev_a.csv"),
        ("train/log.csv", "validation/log.csv"),
        ("learn_error.tsv", "valid_error.tsv"),
    ],
)
def test_files_alike_but_for_the_split_are_one_run(write, tmp_path, train, val):
    write(f"run/{train}", table("epoch,loss", TRAIN))
    write(f"run/{val}", table("epoch,loss", VAL))
    [run] = find_runs([tmp_path / "run"]).runs
    assert run.source.reader == "named-table"
    assert losses(run) == {"train": TRAIN, "val": VAL}
    assert val.rpartition("/")[2] in run.source.details["names"]


def test_downloads_of_tensorboard(write, tmp_path):
    for split, values in (("train", TRAIN), ("validation", VAL)):
        rows = [f"1700000000.5,{i},{value}" for i, value in enumerate(values)]
        text = "\n".join(["Wall time,Step,Value", *rows, ""])
        write(f"run-fit_{split}-tag-epoch_loss.csv", text)
    [run] = find_runs([tmp_path]).runs
    assert losses(run) == {"train": TRAIN, "val": VAL}
    assert all(each.epoch is not None and each.wall_time[0] == 1700000000.5 for each in run.series)


def test_dvclive(write, tmp_path):
    write("dvclive/plots/metrics/train/loss.tsv", table("step\tloss", TRAIN, "\t"))
    write("dvclive/plots/metrics/eval/loss.tsv", table("step\tloss", VAL, "\t"))
    write("dvclive/metrics.json", '{"train": {"loss": 0.4}, "eval": {"loss": 0.6}, "step": 4}')
    found = find_runs([tmp_path])
    assert found.unreadable == ()
    [run] = found.runs
    assert losses(run) == {"train": TRAIN, "val": VAL}
    assert run.series[0].step.tolist() == list(STEPS)


@pytest.mark.parametrize("name", ["test.csv", "dev/log.csv", "eval/log.csv"])
def test_a_table_alone_is_not_of_the_split_that_a_folder_or_test_may_mean(read_one, name):
    assert losses(read_one(name, table("epoch,loss", TRAIN))) == {"train": TRAIN}


def test_a_table_called_val_alone_is_of_the_validation(read_one):
    assert losses(read_one("val_log.csv", table("epoch,loss", TRAIN))) == {"val": TRAIN}


def test_columns_that_tell_their_split_need_no_name(write):
    path = write("val.csv", "epoch,loss,val_loss\n0,2,3\n1,1,2\n")
    plain = write("a.csv", "epoch,loss,val_loss\n0,2,4\n1,1,3\n")
    assert [run.source.reader for run in find_runs([plain, path]).runs] == ["keras-csv", "keras-csv"]


def test_a_name_counts_beside_tables_of_the_same_header(write, tmp_path):
    write("a.csv", table("epoch,loss", [5, 4, 3]))
    write("val.csv", table("epoch,loss", VAL))
    found = find_runs([tmp_path])
    assert [losses(run) for run in found.runs] == [{"train": [5, 4, 3]}, {"val": VAL}]


def test_charts_that_wandb_exports(write, tmp_path):
    """One chart a file, all runs in it; a run that stopped early has blank cells."""
    for metric, values in (("train/loss", TRAIN), ("val/loss", VAL)):
        columns = [
            f"{run} - {metric}{bound}" for run in ("fox-1", "sky - 2") for bound in ("", "__MIN", "__MAX")
        ]
        rows = [
            [i, value, value, value, *([value * 2] * 3 if i < 3 else [""] * 3)]
            for i, value in enumerate(values)
        ]
        text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [["Step", *columns], *rows])
        write(f"{metric[:3]}.csv", text + "\n")
    found = find_runs([tmp_path])
    assert [run.source.reader for run in found.runs] == ["wandb-charts"] * 2
    first, second = found.runs
    assert losses(first) == {"train": TRAIN, "val": VAL}
    assert losses(second) == {"train": [2 * v for v in TRAIN[:3]], "val": [2 * v for v in VAL[:3]]}
    assert [run.name.rpartition("#")[2] for run in found.runs] == ["fox-1", "sky - 2"]
