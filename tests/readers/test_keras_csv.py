from __future__ import annotations

import io
import math
import re

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from traindiag.readers.discover import find_runs
from traindiag.readers.parsing.layouts import sniff

PLAIN = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.25,0.4,1.5\n1,0.75,1.0,0.5,1.25\n2,0.875,0.5,0.5,1.75\n"
LOSS = [1.25, 1.0, 0.5]
VAL_LOSS = [1.5, 1.25, 1.75]


def check(run, loss=LOSS, val_loss=VAL_LOSS, epochs=(0, 1, 2)):
    wide = run.wide()
    assert run.source.reader == "keras-csv"
    assert wide["loss"].tolist() == loss
    assert wide["val_loss"].tolist() == val_loss
    assert wide.index.tolist() == list(epochs)
    assert run.source.damage == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends(read_one, end):
    check(read_one("log.csv", PLAIN.replace("\n", end)))


@pytest.mark.parametrize(("separator", "said"), [(",", None), (";", "semicolon"), ("\t", "tab")])
def test_separators_are_recognised_and_stated(read_one, separator, said):
    run = read_one("log.csv", PLAIN.replace(",", separator))
    check(run)
    assert run.source.details.get("separator") == said


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_comma(read_one, separator):
    run = read_one("log.csv", PLAIN.replace(",", separator).replace(".", ","))
    check(run)
    assert run.source.details["decimal sign"] == "comma"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(read_one, encoding):
    check(read_one("log.csv", PLAIN.encode(encoding)))


def test_names_padded_with_blanks_and_quotes(read_one):
    header, rest = PLAIN.split("\n", 1)
    check(read_one("log.csv", "  ".join(header.replace(",", " ,").split(" ")) + "\n" + rest))
    check(read_one("log.csv", ",".join(f'"{name}"' for name in header.split(",")) + "\n" + rest))


def test_title_lines_above_the_header(read_one):
    run = read_one("log.csv", "Training of model 3\n\nseed 7\n" + PLAIN)
    check(run)
    assert run.source.details["header"] == "2 lines above it passed over"


def test_blank_lines_are_no_rows(read_one):
    check(read_one("log.csv", PLAIN.replace("\n", "\n\n")))


def test_no_epoch_column_counts_rows_and_says_so(read_one):
    run = read_one("log.csv", "val_loss,loss\n1.5,1.25\n1.25,1.0\n1.75,0.5\n")
    check(run)
    assert "rows counted from 0" in run.source.details["epochs"]


def test_unnamed_index_column_is_the_epoch(read_one):
    run = read_one("history.csv", ",loss,val_loss\n0,1.25,1.5\n1,1.0,1.25\n2,0.5,1.75\n")
    check(run)
    assert sorted(run.frame["metric"].unique()) == ["loss"]


def test_epochs_of_another_writer_are_kept_and_stated(read_one):
    run = read_one("log.csv", "epoch,loss,val_loss\n1,1.25,1.5\n2,1.0,1.25\n3,0.5,1.75\n")
    check(run, epochs=(1, 2, 3))
    assert run.source.details["epochs"] == "as in the file, from 1"


def test_epochs_out_of_order_are_one_run(read_one):
    run = read_one("log.csv", "epoch,loss,val_loss\n2,0.5,1.75\n0,1.25,1.5\n1,1.0,1.25\n")
    check(run)
    assert "out of order" in run.source.details["restarts"]


def test_na_is_no_value_but_nan_is_one(read_one):
    text = "epoch,loss,val_loss\n0,1.0,NA\n1,nan,0.5\n2,NaN,\n3,inf,-inf\n"
    run = read_one("log.csv", text)
    [loss] = [curve for curve in run.curves() if curve.series == "train/loss"]
    [val] = [curve for curve in run.curves() if curve.series == "val/loss"]
    assert loss.epoch.tolist() == [0, 1, 2, 3]
    assert np.isnan(loss.value[1:3]).all()
    assert loss.value[3] == math.inf
    assert val.epoch.tolist() == [1, 3]
    assert val.value.tolist() == [0.5, -math.inf]


def test_repeated_header_of_a_resumed_run(read_one):
    header = PLAIN.split("\n")[0]
    run = read_one("log.csv", PLAIN + header + "\n3,0.9,0.25,0.5,2.0\n")
    check(run, loss=[*LOSS, 0.25], val_loss=[*VAL_LOSS, 2.0], epochs=(0, 1, 2, 3))
    assert run.source.details["headers"] == "1 repeated header line"


def test_a_later_header_with_other_columns_names_the_rows_below_it(read_one):
    run = read_one(
        "log.csv", "epoch,loss,val_loss\n0,1.0,2.0\n1,0.5,1.5\nepoch,auc,loss,val_loss\n2,0.7,0.25,1.25\n"
    )
    assert run.wide()["loss"].tolist() == [1.0, 0.5, 0.25]
    assert run.wide()["auc"].dropna().to_dict() == {2: 0.7}


def test_resumed_from_a_checkpoint_without_header_is_one_run(read_one):
    run = read_one("log.csv", "epoch,loss\n0,4\n1,3\n2,2.9\n3,2.8\n2,2\n3,1\n")
    assert run.wide()["loss"].tolist() == [4, 3, 2, 1]
    assert "steps back to epoch 2" in run.source.details["restarts"]


def test_count_that_starts_again_while_the_loss_goes_on_is_one_run(read_one):
    run = read_one("log.csv", "epoch,loss\n0,4\n1,3\n2,2\n0,1.9\n1,1.5\n")
    assert run.wide()["loss"].to_dict() == {0: 4, 1: 3, 2: 2, 3: 1.9, 4: 1.5}
    assert "shifted by 3" in run.source.details["restarts"]


def test_a_training_begun_anew_in_the_same_file_is_a_second_run(write):
    found = find_runs([write("log.csv", "epoch,loss\n0,4\n1,3\n2,2\n0,4.1\n1,3.3\n")])
    assert [run.name for run in found.runs] == ["log#1", "log#2"]
    assert [run.wide()["loss"].tolist() for run in found.runs] == [[4, 3, 2], [4.1, 3.3]]


def test_short_long_and_unreadable_rows_are_counted_with_their_place(read_one):
    text = "epoch,loss,val_loss\n0,1.0,2.0\n1,0.9\n2,0.8,1.8\n3,0.7,1.7,9,9\n4,oops,1.6\n"
    run = read_one("log.csv", text)
    assert [(each.place, each.records) for each in run.source.damage] == [
        ("line 3", 1),
        ("line 5", 1),
        ("line 6", 1),
    ]
    assert run.wide()["loss"].dropna().to_dict() == {0: 1.0, 2: 0.8}
    assert run.wide()["val_loss"].dropna().to_dict() == {0: 2.0, 2: 1.8, 4: 1.6}


def test_much_damage_is_summed_up(read_one):
    rows = "".join(f"{epoch},0.5,1.5\n{epoch},0.5\n" for epoch in range(100))
    run = read_one("log.csv", "epoch,loss,val_loss\n" + rows)
    assert sum(each.records for each in run.source.damage) == 100
    assert len(run.source.damage) < 30


def test_header_alone_and_empty_file_are_refused(refused):
    assert "no row of numbers" in refused("log.csv", "epoch,loss,val_loss\n")
    assert "empty" in refused("log.csv", "")


def test_tables_of_other_things_are_no_logs(refused):
    assert "metrics" in refused("people.csv", "name,town\nAnn,Ulm\nBob,Rom\n")
    refused("results.csv", "model,loss,accuracy\nresnet,0.5,0.9\nvgg,0.4,0.8\n")


def test_every_truncation_gives_a_prefix_or_a_refusal(write):
    """At each byte offset: rows before the cut exact, nothing invented after it, what is lost said."""
    rows = [(e, 0.1 + 0.9 / (e + 1), 0.7 + e / 977) for e in range(12)]
    lines = ["epoch,loss,val_loss", *(",".join(map(repr, row)) for row in rows)]
    data = ("\r\n".join(lines) + "\r\n").encode()
    for size in range(len(data)):
        found = find_runs([write("log.csv", data[:size])])
        assert len(found.runs) + len(found.unreadable) == 1
        for run in found.runs:
            wide = run.wide()
            whole = data[:size].count(b"\r") - 1
            assert whole <= len(wide) <= whole + 1
            for epoch, loss, val_loss in rows[: len(wide)]:
                assert wide["loss"][epoch] == loss
                assert wide["val_loss"][epoch] == pytest.approx(val_loss, rel=1e-14)
            unfinished = data[:size].replace(b"\r", b"\n").rsplit(b"\n", 1)[-1]
            assert bool(run.source.damage) == (bool(unfinished) and len(wide) == whole)


values = st.floats(allow_nan=False, width=64) | st.just(math.inf)
names = st.lists(
    st.sampled_from(["accuracy", "auc", "val_loss", "val_accuracy", "mae", "lr"]), unique=True, max_size=5
)


@settings(max_examples=200, deadline=None)
@given(names=names, data=st.data(), end=st.sampled_from(["\n", "\r\n"]), separator=st.sampled_from(",;\t"))
def test_values_equal_pandas(names, data, end, separator):
    from pathlib import Path

    from traindiag.readers.base import LogFile
    from traindiag.readers.parsing.layouts import layout_of
    from traindiag.readers.parsing.tables import read_table

    columns = ["epoch", *sorted({"loss", *names})]
    length = data.draw(st.integers(1, 30))
    frame = pd.DataFrame(
        {
            name: range(length)
            if name == "epoch"
            else data.draw(st.lists(values, min_size=length, max_size=length))
            for name in columns
        }
    )
    text = frame.to_csv(index=False, sep=separator, lineterminator=end)
    file = LogFile(Path("log.csv"), data=text.encode())
    layout = layout_of(file)
    assert layout is not None
    table = read_table(file, layout)
    expected = pd.read_csv(io.StringIO(text), sep=separator)
    assert list(table.columns) == list(expected.columns)
    for name, column in table.columns.items():
        np.testing.assert_allclose(column.value, expected[name].to_numpy(dtype=float), rtol=4e-16, atol=0)


@pytest.mark.parametrize("separator", [",", ";"])
def test_large_regular_files_go_the_fast_way_with_the_same_values(tmp_path, monkeypatch, separator):
    from traindiag.readers.parsing import tables

    rng = np.random.default_rng(3)
    rows = 7_000
    frame = pd.DataFrame({"epoch": np.arange(rows), "loss": rng.random(rows), "val_loss": rng.random(rows)})
    frame.loc[5:8, "val_loss"] = np.nan
    path = tmp_path / "log.csv"
    path.write_text("a title\n" + frame.to_csv(index=False, sep=separator, na_rep="NA"))
    assert path.stat().st_size > tables.LARGE
    [fast] = find_runs([path]).runs
    monkeypatch.setattr(tables, "LARGE", 1 << 60)
    [careful] = find_runs([path]).runs
    pd.testing.assert_frame_equal(fast.frame, careful.frame, rtol=1e-15)
    assert len(fast.frame) == 2 * rows - 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n900,", "\nepoch,loss,val_loss\n900,"),
        lambda text: text.replace("\n900,", "\n900\n900,"),
        lambda text: text.replace("\n900,", "\n900,nan,nan\n900,"),
        lambda text: text.replace("\n900,", "\n900,x,1\n900,"),
        lambda text: text[:-9],
    ],
    ids=["header", "short", "nan", "word", "cut"],
)
def test_large_irregular_files_go_the_careful_way(tmp_path, monkeypatch, spoil):
    from traindiag.readers.parsing import tables

    frame = pd.DataFrame({"epoch": np.arange(9_000), "loss": np.linspace(1, 0.1, 9_000)})
    frame["val_loss"] = frame["loss"] * 1.1
    path = tmp_path / "log.csv"
    path.write_text(spoil(frame.to_csv(index=False)))
    assert path.stat().st_size > tables.LARGE
    [first] = find_runs([path]).runs
    monkeypatch.setattr(tables, "LARGE", 1 << 60)
    [second] = find_runs([path]).runs
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.source.damage == second.source.damage
    assert first.source.details == second.source.details


def test_a_row_of_tabs_alone_is_a_row(read_one):
    run = read_one("log.tsv", "loss\tval_loss\n0.5\t0.6\n\t\n\n0.3\t0.4\n")
    assert run.wide()["loss"].to_dict() == {0: 0.5, 2: 0.3}


def test_sniffing_never_fails_on_bytes():
    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300))
    def check(data):
        layout = sniff(data)
        assert layout is None or layout.names

    check()


@pytest.mark.parametrize("left_out", [(), (23, 27)], ids=["one stops the parser", "parsed as one"])
def test_many_small_files_read_together_are_read_as_if_alone(tmp_path, monkeypatch, left_out):
    from traindiag.readers.parsing import tables

    odd = {
        3: lambda text: text.replace("\n4,", "\n4\n4,"),
        5: lambda text: text.replace("\n4,", "\nepoch,loss,val_loss\n4,"),
        7: lambda text: text.replace("\n4,", "\n4,nan,"),
        9: lambda text: text[:-5],
        11: lambda text: text.replace("\n", "\r\n"),
        13: lambda text: text.replace("loss,val_loss", "mae,val_mae"),
        15: lambda text: text.replace("\n", "\n\n"),
        17: lambda text: "epoch,loss,val_loss\n",
        19: lambda text: text.replace("\n4,0", "\n4,x"),
        21: lambda text: text.replace("\n4,", "\n \n4,"),
        23: lambda text: re.sub(r",0[^,\n]*\n", ",2024-01-02\n", text),
        25: lambda text: re.sub(r",0[^,\n]*\n", ",\n", text),
        27: lambda text: text.replace("\n4,", "\n4,1,2,3\n4,"),
        29: lambda text: text.replace("\n4,", "\n2,"),
        31: lambda text: re.sub(r"\n(\d+),", lambda m: f"\n{int(m[1]) % 10},", text),
    }
    rng = np.random.default_rng(5)
    for number in range(40):
        frame = pd.DataFrame({"epoch": range(30), "loss": rng.random(30), "val_loss": rng.random(30)})
        path = tmp_path / f"run{number:02d}" / "log.csv"
        path.parent.mkdir()
        spoil = str if number in left_out else odd.get(number, str)
        path.write_text(spoil(frame.to_csv(index=False)), newline="")
    monkeypatch.setattr(tables, "LARGE", 5_000)
    together = find_runs([tmp_path])
    monkeypatch.setattr(tables, "LARGE", 1 << 60)
    alone = find_runs([tmp_path])
    assert [entry.path for entry in together.unreadable] == [entry.path for entry in alone.unreadable]
    assert len(together.runs) == len(alone.runs) >= 39
    for one, other in zip(together.runs, alone.runs, strict=True):
        pd.testing.assert_frame_equal(one.frame, other.frame, rtol=1e-15)
        assert one.source == other.source


@pytest.mark.parametrize(
    "rows",
    ['epoch,loss\n0,"12,345.5"\n1,"1,234"\n2,999.25\n', "epoch;loss\n0;12.345,5\n1;1.234,0\n2;999,25\n"],
    ids=["comma", "point"],
)
def test_thousands_set_apart(read_one, rows):
    assert read_one("log.csv", rows).wide()["loss"].tolist() == [12345.5, 1234.0, 999.25]


def test_points_stay_decimal_signs_beside_decimal_commas(read_one):
    assert read_one("log.csv", "epoch;loss;lr\n0;0,5;0.125\n1;0,25;0.25\n").wide()[
        "learning_rate"
    ].tolist() == [0.125, 0.25]
