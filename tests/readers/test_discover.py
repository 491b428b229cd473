from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from traindiag.model.errors import UnreadableError, UsageError
from traindiag.readers import units, walking
from traindiag.readers.base import Fit, LogFile, LoggedRun, Reader
from traindiag.readers.discover import find_runs, iter_runs

CSV = "epoch,loss,val_loss\n0,1.0,2.0\n1,0.5,1.5\n2,0.25,1.25\n"
OTHER = "epoch,loss,val_loss\n0,3.0,4.0\n1,2.5,3.5\n2,2.25,3.25\n"


def names(path, **options):
    found = find_runs([path], **options)
    assert found.unreadable == ()
    return [run.name for run in found.runs]


def test_a_file_is_named_by_its_stem_and_a_folder_by_itself(write, tmp_path):
    path = write("exp/log.csv", CSV)
    assert names(path) == ["log"]
    assert names(tmp_path / "exp") == ["exp"]
    assert names(tmp_path) == ["exp"]


def test_runs_are_named_relative_to_the_path(write, tmp_path):
    for name in ("b/log.csv", "a/deep/log.csv", "a/x.csv"):
        write(name, CSV.replace("1.0", f"1.{len(name)}"))
    assert names(tmp_path) == ["a", "a/deep", "b"]
    assert names(tmp_path / "a") == ["a", "deep"]


def test_folders_that_say_only_what_lies_in_them_name_no_run(write, tmp_path):
    write("m1/logs/log.csv", CSV)
    write("m2/csv/log.csv", OTHER)
    assert names(tmp_path) == ["m1", "m2"]
    assert names(tmp_path / "m1" / "logs") == ["logs"]


def test_two_runs_in_one_folder_are_named_by_their_files(write, tmp_path):
    write("exp/a.csv", CSV)
    write("exp/b.csv", OTHER)
    assert names(tmp_path) == ["exp/a", "exp/b"]


def test_files_of_one_stem_keep_their_suffix(write, tmp_path):
    write("a.csv", CSV)
    write("a.json", json.dumps({"loss": [9, 8, 7]}))
    assert names(tmp_path) == ["a.csv", "a.json"]


def test_names_are_unique_over_several_paths(write, tmp_path):
    paths = [write("one/log.csv", CSV), write("two/log.csv", OTHER), tmp_path / "one", tmp_path / "one"]
    found = find_runs(paths)
    got = [run.name for run in found.runs]
    assert len(set(got)) == 4
    assert got[0] == "log"


def test_paths_are_shown_as_typed(write, tmp_path, monkeypatch):
    write("logs/exp/log.csv", CSV)
    monkeypatch.chdir(tmp_path)
    for typed in ("logs", "./logs", "."):
        [run] = find_runs([typed]).runs
        assert not os.path.isabs(run.source.path)
        assert run.source.path.endswith("exp/log.csv")
        assert run.source.path.startswith(typed)
    assert [run.name for run in find_runs(["."]).runs] == ["logs/exp"]


def test_a_run_among_images_and_code(write, tmp_path):
    write("exp/log.csv", CSV)
    write("exp/model.py", "history = {'loss': [1, 2], 'val_loss': [1]}\n")
    write("exp/figure.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
    write("exp/README", "loss: see log.csv\n")
    write("exp/config.json", '{"lr": 0.1, "layers": [1, 2]}')
    write("exp/data.csv", "x,y\n1,2\n3,4\n")
    write("exp/weights.bin", bytes(range(256)))
    write("exp/.hidden/log.csv", OTHER)
    write("exp/__pycache__/log.csv", OTHER)
    write("exp/empty", "")
    assert names(tmp_path) == ["exp"]


def test_standard_input(monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    [run] = find_runs(["-"]).runs
    assert run.name == "stdin"
    assert run.source.path == "standard input"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "", "empty"),
        ("x.txt", "  \n\n", "blank"),
        ("x.csv", "name,town\nAnn,Ulm\n", "metrics"),
        ("x.bin", bytes(range(256)) * 10, "binary"),
        ("x.pkl", b"\x80\x04garbage", "binary"),
        ("history.pkl", b"\x80\x04garbage", "broken pickle"),
        ("history.pkl", pickle.dumps({"loss": os.system}), "posix.system"),
        ("history.json", '{"loss": [1, 2', "broken JSON"),
    ],
)
def test_bad_files_are_one_clear_line(refused, name, content, said):
    message = refused(name, content)
    assert said in message
    assert ";" in message  # what, then the next step


def test_missing_path_and_empty_folder(tmp_path, write):
    (tmp_path / "empty").mkdir()
    write("pictures/a.png", b"\x89PNG")
    write("texts/a.txt", "hello")
    cases = {"none": "no such file", "empty": "no files", "pictures": "no files", "texts": "no training logs"}
    for name, said in cases.items():
        found = find_runs([tmp_path / name])
        assert found.runs == ()
        [entry] = found.unreadable
        assert said in entry.message
        assert entry.path == str(tmp_path / name)


def test_a_bad_file_beside_good_ones_is_listed_and_the_good_ones_are_read(write, tmp_path):
    write("a/log.csv", CSV)
    write("b/history.pkl", pickle.dumps({"loss": os.system}))
    write("c/log.csv", "")
    write("d/log.csv", OTHER)
    found = find_runs([tmp_path])
    assert [run.name for run in found.runs] == ["a", "d"]
    assert [Path(entry.path).parent.name for entry in found.unreadable] == ["b", "c"]


def test_no_path_and_unknown_reader():
    with pytest.raises(UsageError, match="no path"):
        find_runs([])
    with pytest.raises(UsageError, match="keras-csv"):
        find_runs(["x"], reader="kers-csv")


def test_a_forced_reader_reads_what_it_would_not_recognise(write):
    path = write("log.csv", "step,loss\n10,1.0\n20,0.5\n")
    [run] = find_runs([path], reader="keras-csv").runs
    assert run.source.reader == "keras-csv"
    found = find_runs([write("x.txt", "hello\n")], reader="keras-csv")
    assert found.runs == ()
    assert "header" in found.unreadable[0].message


def test_names_the_user_gives(write):
    path = write("t.csv", "n,trn,dev\n0,1.0,2.0\n1,0.5,1.5\n")
    assert find_runs([path]).runs == ()
    [run] = find_runs([path], names={"n": "epoch", "trn": "loss", "dev": "val_loss"}).runs
    assert run.wide()["val_loss"].tolist() == [2.0, 1.5]
    assert "trn is loss" in run.source.details["columns renamed"]


def test_links_in_a_circle_end(write, tmp_path):
    write("a/log.csv", CSV)
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    found = find_runs([tmp_path])
    assert [run.name for run in found.runs] == ["a"]


def test_a_link_to_a_folder_beside_it_is_no_second_run(write, tmp_path):
    """W&B leaves ``latest-run``; what only the link leads to is read."""
    write("wandb/offline-run-1/log.csv", CSV)
    write("elsewhere/log.csv", OTHER)
    write("wandb/.hidden/log.csv", OTHER.replace("3.0", "9.0"))
    for link, target in (("latest-run", "offline-run-1"), ("far", "../elsewhere"), ("seen", ".hidden")):
        (tmp_path / "wandb" / link).symlink_to(tmp_path / "wandb" / target, target_is_directory=True)
    assert names(tmp_path / "wandb") == ["far", "offline-run-1", "seen"]
    assert names(tmp_path / "wandb" / "latest-run") == ["latest-run"]


@pytest.mark.parametrize(("name", "kind"), [("logs.zip", "zip"), ("logs.tar", "tar"), ("logs.tar.gz", "tar")])
def test_an_archive_is_refused_with_the_way_to_read_it(write, tmp_path, name, kind):
    path = write("run/log.csv", CSV)
    archive = tmp_path / name
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.write(path, "run/log.csv")
    else:
        with tarfile.open(archive, "w:gz" if name.endswith("gz") else "w") as packed:
            packed.add(path, "run/log.csv")
    [entry] = find_runs([archive]).unreadable
    assert f"a {kind} archive; name it {kind}::{archive.as_posix()}" in entry.message
    [run] = find_runs([f"{kind}::{archive}"]).runs
    assert run.name == "run"


class Failing(Reader):
    """Claims files that begin with a word of its own, and fails on them."""

    def __init__(self, name: str, error: BaseException) -> None:
        self.name = name  # type: ignore[misc]
        self.error = error

    def fit(self, file: LogFile) -> Fit:
        return Fit.SURE if file.head.startswith(b"FAIL") else Fit.NO

    def read(self, files: object) -> list[LoggedRun]:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("boom\nbang"),
        ZeroDivisionError(),
        RecursionError(),
        MemoryError(),
        OSError(5, "I/O error"),
    ],
)
def test_a_failing_reader_costs_only_its_own_file(write, tmp_path, monkeypatch, error):
    readers = (*units.all_readers(), Failing("failing", error))
    monkeypatch.setattr(units, "all_readers", lambda: readers)
    write("bad.csv", "FAIL")
    write("good.csv", CSV)
    found = find_runs([tmp_path])
    assert len(found.runs) == 1
    [entry] = found.unreadable
    assert entry.path.endswith("bad.csv")
    assert "\n" not in entry.message


def test_a_tie_is_an_error_that_lists_the_readers(write, monkeypatch):
    tied = (Failing("one", ValueError()), Failing("two", ValueError()))
    monkeypatch.setattr(units, "all_readers", lambda: tied)
    [entry] = find_runs([write("x", "FAIL")]).unreadable
    assert "one and two" in entry.message
    assert "--reader" in entry.message


def test_runs_come_as_they_are_read(write, tmp_path, monkeypatch):
    write("a/log.csv", CSV)
    write("b/log.csv", "")
    write("c/log.csv", OTHER)
    unreadable: list[object] = []
    runs = iter_runs([tmp_path], unreadable)  # type: ignore[arg-type]
    assert next(runs).name == "a"
    assert [run.name for run in runs] == ["c"]
    assert len(unreadable) == 1


def test_the_same_call_gives_the_same_result(write, tmp_path):
    write("a/log.csv", CSV)
    write("a/history.json", json.dumps({"loss": [1.0, 0.5, 0.25], "lr": [1, 1, 1]}))
    write("b.csv", OTHER)
    first, second = find_runs([tmp_path]), find_runs([tmp_path])
    assert [(run.name, run.source) for run in first.runs] == [(run.name, run.source) for run in second.runs]


def test_read_and_read_all(write, tmp_path):
    import traindiag

    path = write("a/log.csv", CSV)
    assert traindiag.read(path).wide()["loss"].tolist() == [1.0, 0.5, 0.25]
    write("b/log.csv", OTHER)
    assert len(traindiag.read_all(tmp_path).runs) == 2
    with pytest.raises(UsageError, match=r"2 runs \(a, b\)"):
        traindiag.read(tmp_path)
    with pytest.raises(UnreadableError, match="no such file"):
        traindiag.read(tmp_path / "none")


UNPRIVILEGED = """
import os, sys
from traindiag.readers.discover import find_runs
find_runs([sys.argv[1]])  # everything is imported before the privileges go
os.setgid(65534); os.setuid(65534)
found = find_runs([sys.argv[1]])
print([run.name for run in found.runs])
print(sorted((os.path.basename(e.path), e.message) for e in found.unreadable))
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_no_permission_to_read():
    script = (
        UNPRIVILEGED if os.geteuid() == 0 else UNPRIVILEGED.replace("os.setgid(65534); os.setuid(65534)", "")
    )
    # Not below pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for name, content, mode in (("a", CSV, 0o644), ("b", OTHER, 0)):
            Path(folder, name).mkdir()
            file = Path(folder, name, "log.csv")
            file.write_text(content)
            file.chmod(mode)
        locked = Path(folder, "locked")
        locked.mkdir(mode=0)
        done = subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, text=True, check=False
        )
        beyond = subprocess.run(
            [sys.executable, "-c", script, f"{locked}/log.csv"], capture_output=True, text=True, check=False
        )
        locked.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "['a']" in done.stdout
    assert done.stdout.count("no permission to read") == 2
    assert beyond.returncode == 0, beyond.stderr
    assert "no such file" in beyond.stdout or "no permission to read" in beyond.stdout


@pytest.mark.parametrize("host", ["node1.js", "lib.a", "mac.md", "x.tar.gz"])
def test_event_files_end_with_the_name_of_a_host_whatever_it_is(write, tmp_path, host):
    import gzip

    from event_bytes import scalars, version

    data = version() + scalars([("epoch_loss", 0, 0.5), ("epoch_loss", 1, 0.25)])
    write(f"a/events.out.tfevents.1700000000.{host}", gzip.compress(data) if host.endswith("gz") else data)
    assert names(tmp_path) == ["a"]


def test_packed_logs(write, tmp_path):
    import gzip

    write("a/log.csv.gz", gzip.compress(CSV.encode()))
    write("a/data.tar.gz", gzip.compress(b"anything"))
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a" / "log.csv.gz") == ["log"]


def test_packed_bombs_and_broken_archives_are_refused(write, tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(walking, "_MOST_UNPACKED", 1 << 20)
    write("a/bomb.csv.gz", gzip.compress(bytes(5 << 20)))
    write("b/cut.csv.gz", gzip.compress(CSV.encode())[:-9])
    write("c/none.csv.gz", b"no gzip at all")
    write("d/log.csv", CSV)
    found = find_runs([tmp_path])
    assert [run.name for run in found.runs] == ["d"]
    said = [entry.message for entry in found.unreadable]
    assert len(said) == 3
    assert "unpacks to more than 1 MiB" in said[0]
    assert "broken gzip" in said[1]
    assert "broken gzip" in said[2]


def test_sound_files_that_only_looked_like_logs_are_passed_over_below_a_folder(write, tmp_path):
    path = write("x/issue.json", '{"data": {"loss": ["a", [1, 2]]}, "accuracy": {"n": [3]}}')
    write("x/log.csv", CSV)
    assert names(tmp_path) == ["x"]
    assert "metric" in find_runs([path]).unreadable[0].message
    path.with_name("log.csv").unlink()
    [entry] = find_runs([tmp_path]).unreadable
    assert "no training logs" in entry.message
