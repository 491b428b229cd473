from __future__ import annotations

import collections
import contextlib
import io
import json
import math
import os
import pickle
import time
from typing import Any, ClassVar

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from traindiag.readers.discover import find_runs
from traindiag.readers.parsing.literals import find_dicts
from traindiag.readers.parsing.pickles import RefusedError, load_numbers

HISTORY = {"loss": [1.25, 1.0, 0.5], "val_loss": [1.5, 1.25, 1.75], "accuracy": [0.5, 0.75, 0.875]}


def check(run, reader):
    assert run.source.reader == reader
    wide = run.wide()
    assert {name: wide[name].tolist() for name in wide} == HISTORY
    assert wide.index.tolist() == [0, 1, 2]


# --- JSON --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        HISTORY,
        {"params": {"epochs": 3}, "history": HISTORY},
        [dict(zip(HISTORY, row, strict=True)) for row in zip(*HISTORY.values(), strict=True)],
        {name: {str(i): value for i, value in enumerate(column)} for name, column in HISTORY.items()},
        {**HISTORY, "epoch": [0, 1, 2]},
    ],
    ids=["dict of lists", "nested", "list of dicts", "pandas to_json", "with epochs"],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_shapes(read_one, value, indent):
    check(read_one("history.json", json.dumps(value, indent=indent)), "history-json")


def test_json_not_a_number_is_data_and_null_is_a_gap(read_one):
    run = read_one("history.json", '{"loss": [NaN, Infinity, 0.5], "val_loss": [null, 1.0, null]}')
    by_series = {curve.series: curve for curve in run.curves()}
    assert math.isnan(by_series["train/loss"].value[0])
    assert by_series["train/loss"].value[1] == math.inf
    assert by_series["val/loss"].epoch.tolist() == [1]


def test_several_histories_in_one_file_are_several_runs(write):
    folds = {"fold1": HISTORY, "fold2": {"loss": [3.0, 2.0]}}
    found = find_runs([write("cv.json", json.dumps(folds))])
    assert [run.name for run in found.runs] == ["cv#fold1", "cv#fold2"]


@pytest.mark.parametrize(
    "value",
    [
        {"train": {"loss": [3, 2, 1]}, "eval": {"loss": [3, 4, 5]}},
        {"learn": {"loss": [3, 2, 1]}, "validation": {"loss": [3, 4, 5]}},
        {"validation_0": {"loss": [3, 2, 1]}, "validation_1": {"loss": [3, 4, 5]}},
        {"training": {"loss": [3, 2, 1]}, "valid_1": {"loss": [3, 4, 5]}},
        {"loss": {"train": [3, 2, 1], "val": [3, 4, 5]}, "config": {"lr": 0.1}},
        {"train": {"loss": [3, 2, 1], "val_loss": [3, 4, 5]}},
        {"lr": [1, 1, 1], "train": [{"loss": x} for x in (3, 2, 1)], "val": [{"loss": x} for x in (3, 4, 5)]},
    ],
    ids=["xgboost", "catboost", "xgboost sklearn", "lightgbm", "metric outside", "named inside", "rows"],
)
def test_dicts_keyed_by_split_are_one_run(read_one, value):
    wide = read_one("evals.json", json.dumps(value)).wide()
    assert wide["loss"].tolist() == [3, 2, 1]
    assert wide["val_loss"].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    "value",
    [
        [{"epoch": i, "train": {"loss": 3 - i}, "val": {"loss": 3 + i}} for i in range(3)],
        {"best": 1, "epochs": [{"train_loss": 3 - i, "val_loss": 3 + i} for i in range(3)]},
        [
            {"phase": word, "epoch": i, "loss": 3 + k * i}
            for i in range(3)
            for word, k in (("train", -1), ("val", 1))
        ],
        {f"epoch_{i}": {"train_loss": 3 - i, "val_loss": 3 + i} for i in range(3)},
    ],
    ids=["groups", "list inside", "phases", "keyed by epoch"],
)
def test_one_dict_an_epoch(read_one, value):
    wide = read_one("log.json", json.dumps(value)).wide()
    assert (wide["loss"].tolist(), wide["val_loss"].tolist()) == ([3, 2, 1], [3, 4, 5])


def test_scores_of_numbered_folds_are_no_epochs(refused):
    assert "without lists" in refused(
        "folds.json", json.dumps({str(i): {"accuracy": 0.5, "x": [1]} for i in range(5)})
    )


def test_fractional_epochs(read_one):
    rows = [{"epoch": i / 2, "loss": 4.0 - i} for i in range(1, 5)]
    assert read_one("log.json", json.dumps(rows)).wide()["loss"].tolist() == [2.5, 0.5]


def test_further_sets_of_a_split_keep_their_names(read_one):
    sets = {"valid_0": {"auc": [0.5]}, "valid_1": {"auc": [0.6]}, "valid_2": {"auc": [0.7]}}
    run = read_one("evals.json", json.dumps(sets))
    assert [(s.split, s.metric) for s in run.series] == [
        ("train", "auc"),
        ("val", "auc"),
        ("val", "valid_2/auc"),
    ]
    assert "valid_0 is train" in run.source.details["splits"]


def test_attributes_of_scikit_learn(read_one):
    run = read_one("mlp.json", '{"loss_curve_": [2, 1], "validation_scores_": [0.5, 0.7]}')
    assert [(each.split, each.metric) for each in run.series] == [("train", "loss"), ("val", "score")]


def test_validation_every_second_epoch_is_placed_there_and_said(read_one):
    run = read_one("history.json", json.dumps({"loss": [4, 3, 2, 1], "val_loss": [3.5, 1.5]}))
    [val] = [curve for curve in run.curves() if curve.split == "val"]
    assert val.epoch.tolist() == [1, 3]
    assert "every 2" in run.source.details["epochs of val_loss"]


def test_broken_json_is_refused_with_its_line(refused):
    text = json.dumps(HISTORY, indent=1)
    assert "broken JSON at line" in refused("history.json", text[:-20])


def test_json_of_other_things_is_no_log(write, refused):
    refused("package.json", '{"name": "x", "files": ["a"], "accuracy": 0.9}')
    refused("deep.json", '{"loss": [1], "x": ' + "[" * 100_000)


# --- text --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        str(HISTORY),
        f"train history: {HISTORY}\ndone",
        f"2020-01-01 INFO history={HISTORY}\r\nBest epoch: 2\r\n",
        str({name: [np.float64(value) for value in column] for name, column in HISTORY.items()}),
        str({name: [np.float32(value) for value in column] for name, column in HISTORY.items()}),
        str({name: np.array(column) for name, column in HISTORY.items()}),
        str({name: np.array(column, dtype=np.float32) for name, column in HISTORY.items()}),
        str(collections.defaultdict(list, HISTORY)),
        str({"model": object(), "history": HISTORY}),
        json.dumps(HISTORY).replace('"', "'").replace(",", ",\n   "),
    ],
    ids="plain inside logging float64 float32 array array32 defaultdict object lines".split(),
)
def test_printed_histories(read_one, text):
    check(read_one("history.txt", text), "history-text")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_printed_history_in_other_encodings(read_one, encoding):
    check(read_one("history.txt", f"Verläufe: {HISTORY}\r\n".encode(encoding)), "history-text")


def test_bare_nan_and_inf(read_one):
    run = read_one("history.txt", "{'loss': [nan, -inf, 1.0], 'val_loss': [None, inf, nan]}")
    by_series = {curve.series: curve.value for curve in run.curves()}
    np.testing.assert_array_equal(by_series["train/loss"], [math.nan, -math.inf, 1.0])
    np.testing.assert_array_equal(by_series["val/loss"], [math.inf, math.nan])


def test_cut_off_text_gives_the_whole_lists_and_says_so(read_one):
    run = read_one("history.txt", "{'loss': [1.5, 1.0, 0.5], 'val_loss': [1.25, 1.")
    assert run.wide().columns.tolist() == ["loss"]
    assert run.source.damage[0].what == "the dict is cut off"


def test_text_is_never_evaluated(refused):
    message = refused("history.txt", "{'loss': [__import__('os').system('false')], 'val_loss': [1.0]}")
    assert "metrics" in message or "metric values" in message


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(
            st.characters(codec="ascii", min_codepoint=32, max_codepoint=126, exclude_characters="\\'\""),
            min_size=1,
            max_size=12,
        ),
        st.lists(st.floats() | st.integers(-(2**60), 2**60) | st.none(), max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_printed_dicts_come_back(value):
    [(found, whole)] = find_dicts(f"before {value} after")
    assert whole
    assert str(found) == str(value)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("{}[]()',:1.e-naninf \n"), max_size=200))
def test_any_text_is_read_or_passed_over(text):
    list(find_dicts("{'loss'" + text))


def test_adversarial_text_takes_no_time():
    begin = time.perf_counter()
    for text in (
        "{'a':" * 20_000,
        "{'a':[" * 20_000,
        "{'a': 1, " * 20_000,
        "{'" * 50_000,
        "{'a': " + "(" * 50_000,
    ):
        list(find_dicts(text))
    assert time.perf_counter() - begin < 4


# --- pickle ------------------------------------------------------------------------------------


def nested() -> dict[str, Any]:
    return {"issue_list": ["unstable"], "history": HISTORY}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        HISTORY,
        nested(),
        collections.OrderedDict(HISTORY),
        collections.defaultdict(list, HISTORY),
        {name: [np.float64(value) for value in column] for name, column in HISTORY.items()},
        {name: [np.float32(value) for value in column] for name, column in HISTORY.items()},
        {name: np.array(column) for name, column in HISTORY.items()},
        {name: np.array(column, dtype=">f4") for name, column in HISTORY.items()},
        {name: [np.array(value) for value in column] for name, column in HISTORY.items()},
        {name: tuple(column) for name, column in HISTORY.items()},
    ],
    ids="dict nested ordered default float64 float32 arrays bigendian zerodim tuples".split(),
)
def test_pickled_histories(read_one, value, protocol):
    check(read_one("trainHistoryDict", pickle.dumps(value, protocol)), "history-pickle")


def test_none_entries_are_gaps(read_one):
    run = read_one("h.pkl", pickle.dumps({"loss": [1.0, 2.0], "val_loss": [None, 3.0]}))
    assert run.wide()["val_loss"].dropna().to_dict() == {1: 3.0}


class Call:
    """Pickles as a call of any function: what a hostile file does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


class WithState:
    made: ClassVar[list[Any]] = []

    def __setstate__(self, state: Any) -> None:
        self.made.append(state)

    def __getstate__(self) -> Any:
        return {"loss": [1.0]}


def hostile() -> dict[str, bytes]:
    mark = "import os; os.environ['TRAINDIAG_HACKED'] = '1'"
    persistent = io.BytesIO()

    class Persistent(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return "https://example.org" if obj == "here" else None

    Persistent(persistent).dump({"loss": ["here"]})
    wrapped = {"loss": [1.0, 0.5], "history": {"acc": [0.1], "x": Call(exec, mark)}}
    return {
        "os.system": pickle.dumps({"loss": Call(os.system, "touch hacked")}),
        "old protocol": b"cos\nsystem\n(S'touch hacked'\ntR.",
        "old dict": b"(dp0\nVloss\np1\ncos\nsystem\n(S'touch hacked'\ntRs.",
        "eval": pickle.dumps({"loss": Call(eval, mark)}),
        "exec deep inside": pickle.dumps(wrapped),
        "exec in a key": pickle.dumps(["loss", Call(exec, mark)]),
        "getattr": pickle.dumps({"loss": Call(getattr, "os", "upper")}),
        "import": pickle.dumps({"loss": Call(__import__, "os")}),
        "object with state": pickle.dumps({"loss": WithState()}),
        "inst": b"\x80\x02}q\x00U\x04lossq\x01(S'touch hacked'\nios\nsystem\ns.",
        "obj": b"\x80\x02}q\x00U\x04lossq\x01(cos\nsystem\nS'touch hacked'\nos.",
        "newobj": b"\x80\x02}q\x00U\x04lossq\x01cos\n_wrap_close\n)\x81s.",
        "extension": b"\x80\x02}q\x00U\x04lossq\x01\x82\x01s.",
        "persistent id": persistent.getvalue(),
        "dtype of objects": pickle.dumps({"loss": np.array([1.0, Call(exec, mark)], dtype=object)}),
        "stack global": b"\x80\x04}\x8c\x04loss\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch hacked\x85Rs.",
        "computed global": b"\x80\x04}\x8c\x04loss(\x8c\x02os\x8c\x06system\x932\x85Rs.",
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_pickles_are_refused_and_nothing_runs(write, refused, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAINDIAG_HACKED", raising=False)
    message = refused("history.pkl", hostile()[name])
    assert message
    assert not (tmp_path / "hacked").exists()
    assert "TRAINDIAG_HACKED" not in os.environ
    assert WithState.made == []


def test_the_refusal_names_what_was_asked_for(refused):
    assert "posix.system" in refused("history.pkl", pickle.dumps({"loss": Call(os.system, "true")}))


def array_pickle(shape: tuple[int, ...], raw: bytes) -> bytes:
    data = pickle.dumps({"loss": np.zeros(3)}, 2)
    return data.replace(pickle.dumps((3,), 2)[2:-1], pickle.dumps(shape, 2)[2:-1]).replace(b"\x00" * 24, raw)


LOSS = b"\x80\x02}X\x04\x00\x00\x00loss"
DOUBLED = b"K\x01" + b"2\x86" * 60
"""A pair of a pair of a pair ... of one number: 120 bytes that unfold to 2**60 numbers."""


@pytest.mark.parametrize(
    "data",
    [
        LOSS + b"r\xff\xff\xff\x7fK\x01s.",
        b"\x80\x05}\x8c\x04loss\x96\xff\xff\xff\xff\xff\x00\x00\x00s.",
        b"\x80\x04}\x8c\x04loss\x8e\xff\xff\xff\xff\xff\x00\x00\x00s.",
        b"\x80\x02}X\xff\xff\xff\x7floss",
        LOSS + b"\x8b\xff\xff\xff\x7fs.",
        LOSS + b"I" + b"9" * 100_000 + b"\ns.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\x00\x00\x00}\x8c\x04losss.",
        array_pickle((10**12,), b"\x00" * 24),
        array_pickle((0, 10**12), b""),
        LOSS + b"]" * 50_000 + b"a" * 49_999 + b"s.",
        LOSS + b"(" * 50_000,
        LOSS + DOUBLED + b"s.",
        LOSS + b"}" + DOUBLED + b"K\x01ss.",
        LOSS + b"]" + b"2a" * 50 + b"s.",
    ],
    ids="memo bytearray bytes unicode long digits frame shape emptyshape deep marks values keys itself".split(),
)
def test_bombs_are_refused_quickly_and_in_little_memory(data):
    import tracemalloc

    tracemalloc.start()
    begin = time.process_time()
    try:
        # An array of shape (0, 10**12) is small and honest; the others ask for what they do not hold.
        with contextlib.suppress(RefusedError):
            load_numbers(data)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.process_time() - begin < 5
    assert peak < 20_000_000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.integers(2, 5))
def test_random_bytes_are_decoded_or_refused(data, protocol):
    for content in (
        data,
        bytes([0x80, protocol]) + data,
        pickle.dumps(HISTORY, protocol)[: len(data)] + data,
    ):
        with contextlib.suppress(RefusedError):
            load_numbers(content)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    ),
    st.integers(0, 5),
)
def test_plain_values_equal_the_real_unpickler(value, protocol):
    data = pickle.dumps(value, protocol)
    assert repr(load_numbers(data)) == repr(pickle.loads(data))


def test_truncated_pickles_are_refused(write):
    data = pickle.dumps(nested(), 4)
    for size in range(2, len(data)):
        with pytest.raises(RefusedError):
            load_numbers(data[:size])
