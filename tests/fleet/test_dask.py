"""A Dask cluster gives the same bytes as this process, also when it loses a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet_runs import csv_log, write_runs

from traindiag.cli.app import run as command
from traindiag.fleet.crews import DIED, Alone
from traindiag.fleet.stream import Fleet
from traindiag.fleet.work import Judging
from traindiag.model.errors import UsageError
from traindiag.readers.base import LogFile
from traindiag.readers.walking import Entry, Root

distributed = pytest.importorskip("distributed", reason="clusters need the extra fleet")


@pytest.fixture(autouse=True)
def _code_that_is_being_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of these tests run the code of this folder, also when somebody saves a file meanwhile."""
    monkeypatch.setattr("traindiag.fleet.dask.code_version", lambda: "")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes and a scheduler on this machine, as somebody else would have started them."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_runs(tmp_path_factory.mktemp("dask") / "runs", range(150))
    (folder / "broken").mkdir()
    (folder / "broken" / "history.json").write_text('{"loss": [1, 2')
    return folder


def fleet(folder: Path, **options: Any) -> tuple[list[Any], Fleet]:
    all_of = Fleet(paths=[folder], judging=Judging(), **options)
    reports = [(run.name, run.source, run.verdict, run.findings, run.trends) for run in all_of.reports()]
    return reports, all_of


def test_an_existing_cluster_gives_the_same_bytes(
    runs: Path, cluster: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)  # The workers have another folder for their own.
    command(["analyze", "runs", "-f", "jsonl", "--no-cache", "-j", "1"])
    alone = capsys.readouterr().out
    assert command(["analyze", "runs", "-f", "jsonl", "--no-cache", "--dask", cluster.scheduler_address]) == 0
    assert capsys.readouterr().out == alone
    assert alone.count("\n") == 151


def test_a_worker_killed_midway_costs_nothing(runs: Path, cluster: Any) -> None:
    from traindiag.fleet.dask import DaskCrew

    expected, _ = fleet(runs, crew=Alone())
    workers = list(cluster.workers.values())
    all_of = Fleet(paths=[runs], judging=Judging(), crew=DaskCrew(cluster.scheduler_address))
    got = []
    for run in all_of.reports():
        got.append((run.name, run.source, run.verdict, run.findings, run.trends))
        if len(got) == 5:
            os.kill(workers[0].pid, signal.SIGKILL)
    assert got == expected


class DeadlyRoot(Root):
    """Whoever opens a file called deadly.csv in another process than this one is killed."""

    def __init__(self, typed: str) -> None:
        super().__init__(typed, {})
        self.home = os.getpid()

    def opened(self, entry: Entry) -> LogFile:
        if entry.below.endswith("deadly.csv") and os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().opened(entry)


def test_a_log_that_kills_its_workers_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from traindiag.fleet.dask import DaskCrew

    folder = write_runs(tmp_path, range(6))
    sound = fleet(folder)[0]
    (folder / "deadly").mkdir()
    (folder / "deadly" / "deadly.csv").write_text(csv_log(50))
    monkeypatch.setattr("traindiag.fleet.stream.Root", lambda typed, names, **_: DeadlyRoot(typed))
    here = os.fspath(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        crew = DaskCrew("local", jobs=2)
        got, all_of = fleet(folder, crew=crew)
    assert got == sound
    [entry] = all_of.unreadable
    assert entry.path.endswith("deadly/deadly.csv")
    assert entry.message == DIED
    assert crew.deaths > 0


def test_another_version_on_the_workers_is_refused(
    runs: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traindiag.fleet.dask import DaskCrew

    monkeypatch.setattr("traindiag.fleet.dask.code_version", lambda: "another")
    with pytest.raises(UsageError, match="another traindiag"):
        fleet(runs, crew=DaskCrew(cluster.scheduler_address))


def test_nobody_at_the_address(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traindiag.fleet.dask._TIMEOUT_S", 0.5)
    assert command(["analyze", ".", "--dask", "tcp://127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "scheduler" in said


def test_without_dask_one_line_names_the_extra() -> None:
    script = "import sys; sys.modules['distributed'] = None\nfrom traindiag.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "analyze", ".", "--dask", "local"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'traindiag[fleet]'" in done.stderr
