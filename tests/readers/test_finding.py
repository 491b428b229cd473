"""Which files are found, in which order, and which belong together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.readers.chosen import chosen
from traindiag.readers.discover import find_runs, parcels
from traindiag.readers.folders import home_of, parts_of_one
from traindiag.readers.parsing.configs import config_of
from traindiag.readers.walking import Root

CSV = "epoch,loss,val_loss\n0,1.0,2.0\n1,0.5,1.5\n2,0.25,1.25\n"


def units(folder: Path, **options: object) -> list[tuple[str, list[str]]]:
    root = Root(os.fspath(folder), {}, chosen=chosen(**options))  # type: ignore[arg-type]
    return [(unit.below, [entry.below for entry in unit.entries]) for unit in root.units([])]


def test_what_can_be_one_run_is_one_unit(write, tmp_path):
    for name in (
        "a/log.csv", "a/train/e.v2", "a/validation/e.v2", "a/logs/x.csv", "a/logs/run1/y.csv", "a/foo/z.csv",
        "b/Loss_train/e.v2", "b/Loss_val/e.v2", "b/Loss_other/e.v2", "c/Loss_train/e.v2",
        "m/meta.yaml", "m/metrics/val/loss", "m/metrics/system/cpu", "m/params/lr", "n/metrics/sub/x.csv",
    ):  # fmt: skip
        write(name, "x")
    assert units(tmp_path) == [
        ("a", ["a/log.csv", "a/logs/x.csv", "a/train/e.v2", "a/validation/e.v2"]),
        ("a/foo", ["a/foo/z.csv"]),
        ("a/logs/run1", ["a/logs/run1/y.csv"]),
        ("b", ["b/Loss_train/e.v2", "b/Loss_val/e.v2"]),
        ("b/Loss_other", ["b/Loss_other/e.v2"]),
        ("c/Loss_train", ["c/Loss_train/e.v2"]),
        ("m", ["m/meta.yaml", "m/params/lr", "m/metrics/system/cpu", "m/metrics/val/loss"]),
        ("n/metrics/sub", ["n/metrics/sub/x.csv"]),
    ]  # fmt: skip


def test_folders_with_an_illegible_one_among_them(write, tmp_path, monkeypatch):
    for name in "abc":
        write(f"{name}/log.csv", CSV.replace("1.0", f"1.{ord(name)}"))
    scandir = os.scandir
    refused = PermissionError(13, "Permission denied")

    def guarded(path):
        if os.fspath(path).endswith("/b"):
            raise refused
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find_runs([tmp_path])
    assert [run.name for run in found.runs] == ["a", "c"]
    assert [entry.message for entry in found.unreadable] == ["no permission to read; check its permissions"]


def test_links_that_multiply_are_followed_once(write, tmp_path):
    write("real/log.csv", CSV)
    for level in range(30):  # Each folder holds two links to the next: 2 ** 30 ways lead to the end.
        folder = tmp_path / f"level-{level:02d}"
        folder.mkdir()
        target = tmp_path / (f"level-{level + 1:02d}" if level < 29 else "real")
        for name in ("left", "right"):
            (folder / name).symlink_to(target, target_is_directory=True)
    found = find_runs([tmp_path])
    assert 1 <= len(found.runs) <= 2
    assert find_runs([tmp_path / "level-00"]).runs[0].wide()["loss"].tolist() == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        ([], [], ["a/deep/log.csv", "a/log.csv", "b/log.csv", "b/x.json"]),
        (["a"], [], ["a/deep/log.csv", "a/log.csv"]),
        (["*.json"], [], ["b/x.json"]),
        (["a/log.csv", "./b/*.csv"], [], ["a/log.csv", "b/log.csv"]),
        ([], ["deep", "*.json"], ["a/log.csv", "b/log.csv"]),
        (["a"], ["log.csv"], []),
        (["[ab]"], ["a/deep/"], ["a/log.csv", "b/log.csv", "b/x.json"]),
    ],
)
def test_include_and_exclude(write, tmp_path, include, exclude, found):
    for name in ("a/log.csv", "a/deep/log.csv", "b/log.csv", "b/x.json"):
        write(name, CSV)
    assert sorted(f for _, files in units(tmp_path, include=include, exclude=exclude) for f in files) == found


@given(tree=st.lists(st.lists(st.sampled_from("a b logs train a-b x.y".split()), max_size=4), max_size=12))
@settings(max_examples=30, deadline=None)
def test_every_file_is_found_once_and_in_order(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("tree")
    for parts in tree:
        home = folder.joinpath(*parts)
        home.mkdir(parents=True, exist_ok=True)
        (home / "log.csv").write_text(CSV)
    got = units(folder)
    files = [file for _, below in got for file in below]
    assert len(files) == len(set(files)) == sum(1 for _ in folder.rglob("log.csv"))
    homes = [below.split("/") if below else [] for below, _ in got]
    assert homes == sorted(homes)
    assert all(home_of(os.path.dirname(file)) == below for below, each in got for file in each)


def test_parcels_begin_small():
    from traindiag.readers.walking import Entry, Unit

    some = [Unit(str(number), (Entry("x", "x"),)) for number in range(200)]
    sizes = [len(parcel) for parcel in parcels(iter(some))]
    assert sizes == [1, 64, 64, 64, 7]


def test_plain_folders():
    assert home_of("run/logs/train") == "run"
    assert home_of("checkpoint-5") == ""
    assert parts_of_one("Loss_val", ["Loss_train", "Loss_val"], [])
    assert not parts_of_one("Loss_val", ["Loss_val"], [])


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("hparams.yaml", "lr: 1.0e-3\nmodel:\n  name: 'a b' # c\n  depth: 3\nflag: true\nnone: null\n",
         {"lr": 1e-3, "model": {"name": "a b", "depth": 3}, "flag": True, "none": None}),
        ("config.json", '{"lr": 0.1, "a": [1]}', {"lr": 0.1, "a": [1]}),
        ("config.toml", "lr = 0.1\n[opt]\nname = 'sgd'\n", {"lr": 0.1, "opt": {"name": "sgd"}}),
        ("config.json", "[1, 2]", {}),
        ("config.json", '{"lr": ', {}),
        ("config.yaml", "!!python/object/apply:os.system ['x']\n- a\n&b c: d\n", {}),
        ("config.json", "[" * 50_000, {}),
    ],
)  # fmt: skip
def test_configurations(name, text, found):
    assert config_of(name, text.encode()) == found


def test_patterns_that_leave_nothing_are_named(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss\n0,1\n1,0.5\n")
    [missed] = find_runs([tmp_path], include=["other*"]).unreadable
    assert missed.message == "no file below this folder is among the chosen ones; check the patterns"
    (tmp_path / "log.csv").unlink()
    [empty] = find_runs([tmp_path]).unreadable
    assert empty.message == "no files below this folder; name the folder of the logs"
