"""The cache gives back what was put in, never anything else."""

from __future__ import annotations

import json
import math
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fleet_runs import csv_log, write_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.cli.app import run as command
from traindiag.diagnosis import diagnose_run
from traindiag.fleet import identity as identities
from traindiag.fleet import stream
from traindiag.fleet.cache import Cache
from traindiag.fleet.codec import decoded, encoded
from traindiag.fleet.identity import code_version, identity, key_of
from traindiag.fleet.stream import Fleet
from traindiag.fleet.work import Judging
from traindiag.model.report import Report, RunReport
from traindiag.readers.base import HEAD_BYTES, LogFile
from traindiag.readers.discover import find_runs
from traindiag.reports.base import render

SAMPLES = Path(__file__).parents[2] / "sample_logs"


def everything(report: RunReport) -> str:
    """All that any format can show of a report, and the curves to the bit."""
    curves = [
        (c.series, c.axis, c.restarts, c.epoch.tobytes(), c.value.tobytes(), c.count.tobytes())
        for c in report.curves
    ]
    whole = Report(runs=(report,), version="0")
    return repr(
        (curves, report.effort, report.params, render(whole, "json"), render(whole, "text", verbose=True))
    )


def test_every_sample_run_comes_back_as_it_was() -> None:
    found = find_runs([SAMPLES])
    assert len(found.runs) > 10
    for run in found.runs:
        report = diagnose_run(run)
        text = json.dumps(encoded(report))
        assert everything(decoded(json.loads(text))) == everything(report)
        assert decoded(json.loads(text), curves=False).curves == ()


@pytest.mark.parametrize(
    "spoilt", [{}, {"name": 1}, {"source": None}, {"curves": [{"value": "?"}]}, {"trends": [1]}]
)
def test_what_is_no_report_is_refused(spoilt: dict[str, object]) -> None:
    document = encoded(diagnose_run(find_runs([SAMPLES / "overfitting"]).runs[0]))
    with pytest.raises(ValueError, match=r"\w"):
        decoded({**document, **spoilt} if spoilt else {})


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_what_is_put_in_comes_out(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    cache.put(key_of("a"), document)
    assert cache.get(key_of("a")) == document
    assert cache.get(key_of("b")) is None


@given(at=st.integers(0, 400), byte=st.integers(1, 255), cut=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_damaged_entry_counts_as_none(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = Cache(folder)
    cache.put(key_of(1), {"numbers": [random.Random(at).random() for _ in range(30)]})
    [path] = folder.rglob("*.entry")
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at] ^= byte
    path.write_bytes(data[:at] if cut else data)
    assert cache.get(key_of(1)) is None


def test_an_entry_under_another_name_counts_as_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(key_of(1), "one")
    [path] = tmp_path.rglob("*.entry")
    other = cache._path(key_of(2))
    other.parent.mkdir(exist_ok=True)
    os.replace(path, other)
    assert cache.get(key_of(2)) is None


def test_many_writers_and_readers_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    keys = [key_of(number) for number in range(5)]

    def work(seed: int) -> int:
        chance, met = random.Random(seed), 0
        for _ in range(150):
            number = chance.randrange(5)
            if chance.random() < 0.4:
                cache.put(keys[number], {"number": number, "filler": "x" * 5000})
            found = cache.get(keys[number])
            if chance.random() < 0.02:
                cache.clear()
            assert found is None or found == {"number": number, "filler": "x" * 5000}
            met += found is not None
        return met

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) > 50
    assert not list(tmp_path.rglob("*.partial"))


def test_the_oldest_entries_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for number in range(6):
        cache.put(key_of(number), random.Random(number).random())
        os.utime(cache._path(key_of(number)), (number, number))
    size = cache.contents().size // 6
    assert cache.prune(3 * size + size // 2) == 3
    assert [cache.get(key_of(number)) is not None for number in range(6)] == [False] * 3 + [True] * 3


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    cache.put(key_of(1), 1)
    assert cache.get(key_of(1)) is None
    assert cache.contents().entries == cache.clear().entries == 0


# --- never a wrong hit -----------------------------------------------------------------------------


def large_log(seed: int) -> str:
    """A log larger than what is hashed of its two ends."""
    lines = ["epoch,loss,val_loss"]
    for epoch in range(4_000):
        loss = 0.2 + 2 * math.exp(-epoch / 600) + 0.01 * math.sin(epoch * 1.7 + seed)
        lines.append(f"{epoch},{loss:.16f},{loss + 0.1:.16f}")
    return "\n".join([*lines, ""])


def told(folder: Path, cache: Path | None) -> tuple[str, int]:
    fleet = Fleet(paths=[folder], judging=Judging(cache=None if cache is None else os.fspath(cache)))
    reports = tuple(fleet.reports())
    whole = Report(runs=reports, unreadable=tuple(fleet.unreadable), version="0")
    return render(whole, "jsonl") + "".join(map(everything, reports)), fleet.tally.known


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["byte", "append", "cut", "swap", "touch", "rewrite", "config"]),
        st.integers(0, 10**6),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def change(path: Path, kind: str, number: int, keep_time: bool) -> None:
    """One of the things that happen to logs; with `keep_time` it leaves size and time of change alone if it can."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    at = 60 + number % (len(data) - 60)
    if kind == "byte":
        at = next(place for place in range(at, at - 60, -1) if chr(data[place]).isdigit())
        data[at] = ord("0") + (data[at] - ord("0") + 1 + number % 8) % 10
        with path.open("r+b") as file:  # In place: the file stays the same one on its disk.
            file.seek(at)
            file.write(data[at : at + 1])
    elif kind == "append":
        last = int(data.rstrip().rpartition(b"\n")[2].partition(b",")[0])
        with path.open("ab") as file:
            file.write(f"{last + 1},0.{number},0.{number}5\n".encode())
    elif kind == "cut":
        path.write_bytes(data[: data.rfind(b"\n", 0, max(at, 400)) + 1])
    elif kind == "swap":
        lines = bytes(data).splitlines(True)
        lines[5], lines[9] = lines[9], lines[5]
        path.write_bytes(b"".join(lines))
    elif kind == "rewrite":
        path.write_text(csv_log(number))
    elif kind == "config":
        (path.parent / "run.json").write_text(
            json.dumps({"schema": "traindiag.run/1", "batch_size": 1 + number % 9})
        )
    if keep_time or kind == "touch":
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@given(changes=CHANGES, large=st.booleans())
@settings(max_examples=20, deadline=None)
def test_never_a_wrong_hit(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, bool]], large: bool
) -> None:
    folder, cache = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("cache")
    write_runs(folder, range(4))
    path = folder / "lr=0.01_bs=16" / "run-0003" / "log.csv"
    path.write_text(large_log(0) if large else csv_log(3))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identities, "SETTLED_NS", 0)  # The clock of this disk is fine enough.
        patched.setattr(stream, "CACHED_UNITS", 1)
        told(folder, cache)
        for kind, number, keep_time in changes:
            time.sleep(0.006)
            change(path, kind, number, keep_time)
            cached, known = told(folder, cache)
            assert cached == told(folder, None)[0]
            assert known >= 3


def test_large_files_that_changed_just_now_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(large_log(1))
    now = time.time_ns()
    assert identity(LogFile(path), lambda: now) is None
    later = identity(LogFile(path), lambda: now + 10_000_000_000)
    assert later is not None
    assert later == identity(LogFile(path), lambda: now + 20_000_000_000)
    assert path.stat().st_size > 2 * HEAD_BYTES


def test_a_small_copy_is_known_again(tmp_path: Path) -> None:
    write_runs(tmp_path / "a" / "runs", range(25))
    write_runs(tmp_path / "b" / "runs", range(25))
    before = Path.cwd()
    try:
        os.chdir(tmp_path / "a")
        assert told(Path("runs"), tmp_path / "cache")[1] == 0
        os.chdir(tmp_path / "b")
        assert (
            told(Path("runs"), tmp_path / "cache")[1] == 24
        )  # The first is judged before many are in sight.
    finally:
        os.chdir(before)


def test_settings_and_code_are_part_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_runs(tmp_path / "runs", range(25))
    judging = Judging(cache=os.fspath(tmp_path / "cache"))

    def known(judging: Judging, **options: object) -> int:
        fleet = Fleet(paths=[tmp_path / "runs"], judging=judging, **options)  # type: ignore[arg-type]
        list(fleet.reports())
        return fleet.tally.known

    assert known(judging) == 0
    assert known(judging) == 24
    assert known(replace(judging, ignore=("overfitting",))) == 0
    assert known(judging, histograms=True) == 0
    assert known(judging, names={"a": "b"}) == 0
    monkeypatch.setattr("traindiag.fleet.work.code_version", lambda: "another")
    assert known(judging) == 0
    assert len(code_version()) == 32


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    write_runs(tmp_path / "runs", range(25))
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "history.json").write_text('{"loss": [1')
    for _ in range(2):
        fleet = Fleet(paths=[tmp_path / "runs"], judging=Judging(cache=os.fspath(tmp_path / "cache")))
        assert len(list(fleet.reports())) == 25
        assert len(fleet.unreadable) == 1


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAINDIAG_CACHE_DIR", os.fspath(tmp_path / "cache"))
    write_runs(tmp_path / "runs", range(30))
    assert command(["cache", "info"]) == 0
    assert capsys.readouterr().out.startswith("0 reports, 0.0 MB, in ")
    command(["analyze", os.fspath(tmp_path / "runs"), "-f", "csv"])
    capsys.readouterr()
    command(["cache", "info"])
    assert capsys.readouterr().out.startswith("29 reports")
    assert command(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("forgot 29 reports")
    assert not (tmp_path / "cache" / "reports").exists()
