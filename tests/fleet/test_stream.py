"""One process or several, with a cache or without: the same reports in the same order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_runs import csv_log, write_runs

from traindiag.cli.app import run as command
from traindiag.fleet.crews import DIED, Alone, Crew, Growing, Processes
from traindiag.fleet.stream import Fleet, crew_of
from traindiag.fleet.work import Judging
from traindiag.model.errors import UsageError
from traindiag.readers.base import LogFile
from traindiag.readers.walking import Entry, Root


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 sound runs and three that cannot be read."""
    folder = write_runs(tmp_path_factory.mktemp("fleet") / "runs", range(150))
    (folder / "lr=0.1_bs=32" / "run-0003").mkdir(exist_ok=True, parents=True)
    (folder / "broken").mkdir()
    (folder / "broken" / "empty.csv").write_text("")
    (folder / "broken" / "history.json").write_text('{"loss": [1, 2')
    (folder / "lr=0.01_bs=32" / "flat.csv").write_text(csv_log(900))
    (folder / "lr=0.01_bs=32" / "other.csv").write_text(csv_log(901))
    return folder


def told(folder: Path, capsys: pytest.CaptureFixture[str], *options: str, format: str = "jsonl") -> str:
    assert command(["analyze", os.fspath(folder), "-f", format, *options]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("format", ["jsonl", "csv", "json", "text"])
def test_all_ways_give_the_same_bytes(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    format: str,
) -> None:
    monkeypatch.setenv("TRAINDIAG_CACHE_DIR", os.fspath(tmp_path))
    alone = told(runs, capsys, "--jobs", "1", "--no-cache", format=format)
    assert not any(tmp_path.rglob("*.entry"))
    assert told(runs, capsys, "--jobs", "1", format=format) == alone
    assert sum(1 for _ in tmp_path.rglob("*.entry")) > 140
    assert told(runs, capsys, "--jobs", "1", format=format) == alone
    assert told(runs, capsys, "--jobs", "2", format=format) == alone
    if format == "jsonl":
        lines = [json.loads(line) for line in alone.splitlines()]
        assert sum(line["kind"] == "run" for line in lines) == 152
        assert [line["path"].rsplit("/", 1)[1] for line in lines if line["kind"] == "unreadable"] == [
            "empty.csv",
            "history.json",
        ]


def test_several_processes_without_cache(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(runs, capsys, "--jobs", "2", "--no-cache") == told(runs, capsys, "--jobs", "1", "--no-cache")


def test_find_runs_and_the_fleet_agree(runs: Path) -> None:
    from traindiag.diagnosis import diagnose_runs
    from traindiag.readers.discover import find_runs

    found = find_runs([runs])
    fleet = Fleet(paths=[runs], judging=Judging())
    reports = list(fleet.reports())
    plain = diagnose_runs(found.runs, found.unreadable)
    assert [(r.name, r.source, r.verdict, r.findings) for r in reports] == [
        (r.name, r.source, r.verdict, r.findings) for r in plain.runs
    ]
    assert tuple(fleet.unreadable) == plain.unreadable


def test_reports_come_before_all_runs_are_found(tmp_path: Path) -> None:
    write_runs(tmp_path, range(200))
    fleet = Fleet(paths=[tmp_path], judging=Judging())
    reports = fleet.reports()
    next(reports)
    assert fleet.tally.found < 100
    assert 1 + len(list(reports)) == 200 == fleet.tally.found == fleet.tally.runs


def test_names_are_unique_over_several_paths(tmp_path: Path) -> None:
    one, two = write_runs(tmp_path / "a", range(3)), write_runs(tmp_path / "b", range(3))
    fleet = Fleet(paths=[one, two, tmp_path / "none"], judging=Judging(), crew=Processes(2))
    names = [run.name for run in fleet.reports()]
    assert len(set(names)) == 6
    assert names[0] == "lr=0.01_bs=32/run-0001"
    assert names[3].startswith("b/")
    [entry] = fleet.unreadable
    assert "no such file" in entry.message


class DeadlyRoot(Root):
    """Whoever opens a file called deadly.csv in another process than this one is killed."""

    def __init__(self, typed: str) -> None:
        super().__init__(typed, {})
        self.home = os.getpid()

    def opened(self, entry: Entry) -> LogFile:
        if entry.below.endswith("deadly.csv") and os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().opened(entry)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_worker_that_dies_costs_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_runs(tmp_path, range(70))
    sound = [run.name for run in Fleet(paths=[folder], judging=Judging()).reports()]
    deadly = folder / "lr=0.01_bs=32" / "run-0013"
    (deadly / "deadly.csv").write_text(csv_log(500))
    (folder / "lr=0.1_bs=64" / "alone").mkdir(parents=True)
    (folder / "lr=0.1_bs=64" / "alone" / "deadly.csv").write_text(csv_log(501))
    monkeypatch.setattr("traindiag.fleet.stream.Root", lambda typed, names, **_: DeadlyRoot(typed))
    crew = Processes(2)
    fleet = Fleet(paths=[folder], judging=Judging(), crew=crew)
    assert [run.name for run in fleet.reports()] == sound  # The good log beside a deadly one is read, too.
    assert sorted(os.path.relpath(entry.path, folder) for entry in fleet.unreadable) == [
        "lr=0.01_bs=32/run-0013/deadly.csv",
        "lr=0.1_bs=64/alone/deadly.csv",
    ]
    assert {entry.message for entry in fleet.unreadable} == {DIED}
    assert crew.deaths > 0


def members(session: int) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getsid(int(entry)) == session:
                    yield int(entry)
            except OSError:
                continue


def workers(session: int) -> list[int]:
    """Processes that carry the work of a pool: children of the fork server."""
    found = []
    for process in members(session):
        try:
            parent = int(Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[1])
            line = Path("/proc", str(parent), "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if b"forkserver" in line and process != session:
            found.append(process)
    return found


def begun(folder: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    script = "from traindiag.cli.app import main; main()"
    arguments = [
        "analyze",
        os.fspath(folder),
        "-f",
        "jsonl",
        "-o",
        os.fspath(output),
        "--no-cache",
        "-j",
        "2",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments, *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(what: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_worker_killed_from_outside_costs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_runs(tmp_path / "runs", range(400))
    process = begun(folder, tmp_path / "out.jsonl")
    wait_for(lambda: len(workers(process.pid)) == 2)
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "a worker died" in said
    assert (tmp_path / "out.jsonl").read_text() == told(folder, capsys, "-j", "1", "--no-cache")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    folder = write_runs(tmp_path / "runs", range(500))
    process = begun(folder, tmp_path / "out.jsonl")
    wait_for(lambda: len(workers(process.pid)) == 2)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    wait_for(lambda: not list(members(process.pid)), 15)
    assert all(json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())


def test_a_vanished_file_and_a_forbidden_one_cost_only_themselves(tmp_path: Path) -> None:
    folder = write_runs(tmp_path, range(80))
    gone = folder / "lr=0.1_bs=16" / "run-0078" / "log.csv"
    locked = folder / "lr=0.1_bs=16" / "run-0072"
    fleet = Fleet(paths=[folder], judging=Judging())
    parcels = list(fleet._parcels())  # Everything has been listed ...
    gone.unlink()
    locked.joinpath("log.csv").unlink()
    locked.joinpath("log.csv").mkdir()  # ... and now one is gone and one cannot be read, even by root.
    reports = [unit for _, units in Alone().judged(parcels) for unit in units]
    assert sum(len(unit.runs) for unit in reports) == 78
    messages = [entry.message for unit in reports for entry in unit.unreadable]
    assert len(messages) == 2
    assert any("no such file" in message for message in messages)
    assert any("is a directory" in message for message in messages)


def test_crews() -> None:
    assert isinstance(crew_of(1), Alone)
    assert isinstance(crew_of(3), Processes)
    assert isinstance(crew_of(None), Crew)
    for jobs in (0, -2):
        with pytest.raises(UsageError, match="processes"):
            crew_of(jobs)
    assert command(["analyze", ".", "--jobs", "many"]) == 2


def test_few_runs_start_no_processes(tmp_path: Path) -> None:
    write_runs(tmp_path, range(30))
    crew = Growing(2)
    assert len(list(Fleet(paths=[tmp_path], judging=Judging(), crew=crew).reports())) == 30
    assert crew._processes._pool is None


def test_one_run_by_name(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(runs, capsys, "--run", "lr=0.1_bs=16/run-0006", format="text")
    assert "1 run: 1 ill" in text
    assert told(runs, capsys, "--run", "run-000*").count("\n") == 10 + 2
    assert command(["analyze", os.fspath(runs), "--run", "nobody"]) == 2
    assert "no run has such a name, of 152" in capsys.readouterr().err


def test_include_and_exclude(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(runs, capsys, "--include", "lr=0.1_*", "--exclude", "run-00*").count("\n") == 25
    assert told(runs, capsys, "--include", "flat.csv").count("\n") == 1


def test_unknown_names_are_told_before_anything_is_read(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["analyze", os.fspath(runs), "--select", "overfiting"]) == 2
    assert "overfitting" in capsys.readouterr().err
    assert command(["analyze", os.fspath(runs), "--map", "trn=loss_x", "-f", "csv"]) == 2
    assert "no log has a column" in capsys.readouterr().err


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_runs(tmp_path / "runs", range(2))
    for options, code in (([], 0), (["--fail-on", "error"], 1)):
        for format in ("text", "jsonl"):
            assert command(["analyze", os.fspath(folder), "-f", format, *options]) == code
    (tmp_path / "nothing").mkdir()
    for format in ("text", "jsonl", "csv"):
        capsys.readouterr()
        assert command(["analyze", os.fspath(tmp_path / "nothing"), "-f", format]) == 2
        assert "error" in capsys.readouterr().err
