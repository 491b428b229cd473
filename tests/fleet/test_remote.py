"""Logs behind URLs: the same reports as from the disk, few requests, no secrets told."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet_runs import csv_log, write_runs

from traindiag.cli.app import run as command
from traindiag.model.errors import UsageError
from traindiag.readers.discover import find_runs
from traindiag.readers.remote import RemoteTree
from traindiag.readers.urls import is_url, shown_url, without_secrets

fsspec = pytest.importorskip("fsspec", reason="URLs need the extra remote")

SAMPLES = Path(__file__).parents[2] / "sample_logs"
SECRET = "wJalrXUtnFEMIbPxRfiCY"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CSV logs, the event files and run.json of a sample, a large log, a packed one, and a broken one."""
    folder = write_runs(tmp_path_factory.mktemp("remote") / "runs", range(70))
    for source in (SAMPLES / "overfitting").rglob("*"):
        if source.is_file():
            target = folder / "sample" / source.relative_to(SAMPLES / "overfitting")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (folder / "large").mkdir()
    (folder / "large" / "log.csv").write_text(csv_log(5, 3_000))
    (folder / "broken").mkdir()
    (folder / "broken" / "log.csv").write_text("")
    return folder


def lines(paths: list[str], capsys: pytest.CaptureFixture[str], *options: str, format: str = "jsonl") -> str:
    assert command(["analyze", *paths, "-f", format, "--no-cache", *options]) == 0
    return capsys.readouterr().out


def as_local(text: str, url: str, folder: Path) -> str:
    """What was said of a URL as if it had been said of the folder."""
    return text.replace(url.rstrip("/") + "/", f"{folder}/")


# --- S3 ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3(runs: Path) -> Iterator[str]:
    """The runs in a bucket of a server on this machine."""
    server_of = pytest.importorskip("moto.server", reason="S3 is tested with moto[server]")
    s3fs = pytest.importorskip("s3fs", reason="S3 needs s3fs")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        fs = s3fs.S3FileSystem(skip_instance_cache=True)
        fs.mkdir("bucket")
        fs.put(f"{runs}/", "bucket/runs", recursive=True)
        yield "s3://bucket/runs"
    server.stop()


@pytest.mark.parametrize("options", [["--jobs", "1"], ["--jobs", "2"]])
def test_s3_and_the_disk_give_the_same_bytes(
    s3: str, runs: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    local = lines([os.fspath(runs)], capsys)
    remote = lines([s3], capsys, *options)
    assert as_local(remote, s3, runs) == local
    assert local.count('"kind": "run"') == 72
    assert SECRET not in remote


def test_requests_are_few_and_bytes_are_not_read_twice(
    s3: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    asked: list[tuple[str, Any]] = []
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        asked.append((method, kwargs.get("Range")))
        return await call(self, method, *args, **kwargs)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    found = find_runs([s3])
    assert len(found.runs) == 72
    files = sum(1 for path in runs.rglob("*") if path.is_file() and path.stat().st_size)
    reads = [range_ for method, range_ in asked if method == "get_object"]
    large = sum(1 for path in runs.rglob("*") if path.is_file() and path.stat().st_size > 65_536)
    assert len(reads) <= files + large  # One for each file, one more for what is larger than 64 KiB.
    assert all(reads)
    assert len(asked) - len(reads) <= 4  # The listing, and what is asked to know that the URL is a folder.


def test_an_appended_object_is_read_anew_from_the_cache(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import s3fs

    monkeypatch.setenv("TRAINDIAG_CACHE_DIR", os.fspath(tmp_path))
    fs = s3fs.S3FileSystem(skip_instance_cache=True)
    for number in range(30):
        fs.pipe(f"bucket/grow/run-{number:02d}/log.csv", csv_log(number).encode())

    def epochs() -> list[int]:
        assert command(["analyze", "s3://bucket/grow", "-f", "jsonl"]) == 0
        return [json.loads(line)["epochs"] for line in capsys.readouterr().out.splitlines()]

    assert epochs() == epochs() == [30] * 30
    fs.pipe("bucket/grow/run-07/log.csv", csv_log(7, 45).encode())
    assert sorted(epochs()) == [30] * 29 + [45]


def test_of_an_appended_log_only_its_tail_is_read(
    web: tuple[str, Path, type[Ranges]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, folder, handler = web
    knows_ranges = not issubclass(handler, NoRanges)
    monkeypatch.setenv("TRAINDIAG_CACHE_DIR", os.fspath(tmp_path_factory.mktemp("cache")))
    whole = csv_log(1, 9_000).encode()
    cut = whole.index(b"\n8000,") + 1
    path = folder / "runs" / "log.csv"
    path.parent.mkdir()

    def told() -> tuple[str, list[str | None]]:
        handler.asked.clear()
        assert command(["analyze", f"{address}/runs/", "-f", "json"]) == 0
        asked = [wanted for where, wanted in handler.asked if where.endswith("log.csv")]
        return capsys.readouterr().out, asked

    path.write_bytes(whole[:cut])
    told()
    path.write_bytes(whole)
    grown, asked = told()
    if knows_ranges:
        assert [each for each in asked if each] == ["bytes=0-65535", f"bytes={cut - 65536}-{len(whole) - 1}"]
    assert grown == lines([f"{address}/runs/"], capsys, format="json")
    # A log that was written anew is read as a whole.
    other = csv_log(2, 9_500).encode()
    path.write_bytes(other)
    assert told()[0] == lines([f"{address}/runs/"], capsys, format="json") != grown
    # And so is one whose beginning is the same.
    path.write_bytes(other[:70_000] + whole[70_000:])
    assert told()[0] == lines([f"{address}/runs/"], capsys, format="json")


def test_a_truncated_object_and_a_vanished_one_cost_only_themselves(
    s3: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    fs = s3fs.S3FileSystem(skip_instance_cache=True)
    whole = csv_log(1, 3_000).encode()
    for name, data in (("a", csv_log(2).encode()), ("b", whole), ("c", csv_log(3).encode())):
        fs.pipe(f"bucket/cut/{name}/log.csv", data)
    call, prefetch = s3fs.S3FileSystem._call_s3, RemoteTree.prefetch

    async def short(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "get_object" and kwargs["Key"] == "cut/b/log.csv" and kwargs["Range"] > "bytes=1":
            kwargs["Range"] = "bytes=65536-66000"
        return await call(self, method, *args, **kwargs)

    def late(self: RemoteTree, files: Any) -> None:
        fs.rm_file("bucket/cut/a/log.csv")  # It was listed, and now it is gone.
        prefetch(self, files)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", short)
    monkeypatch.setattr(RemoteTree, "prefetch", late)
    assert command(["analyze", "s3://bucket/cut", "-f", "jsonl", "--no-cache"]) == 0
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in out if line["kind"] == "run"] == ["c"]
    lost = {line["path"]: line["message"] for line in out if line["kind"] == "unreadable"}
    assert "no such file" in lost["s3://bucket/cut/a/log.csv"]
    assert "bytes came" in lost["s3://bucket/cut/b/log.csv"]


def test_what_is_not_there_and_what_is_forbidden(s3: str, capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("s3://bucket/none", "s3://no-such-bucket/x"):
        assert command(["analyze", url]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert url in said
        assert SECRET not in said


# --- memory, archives, HTTP ------------------------------------------------------------------------


def test_memory(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fsspec.filesystem("memory").put(f"{runs}/", "/fleet", recursive=True)
    local = lines([os.fspath(runs)], capsys)
    # Other processes cannot see this one's memory: it does that work itself.
    for options in ([], ["--jobs", "2"]):
        assert as_local(lines(["memory://fleet"], capsys, *options), "memory://fleet", runs) == local


def test_a_packed_folder(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "runs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(runs.rglob("*")):
            archive.write(path, path.relative_to(runs))
    url = f"zip::{tmp_path}/runs.zip"
    assert as_local(lines([url, "--jobs", "2"], capsys), url, runs) == lines([os.fspath(runs)], capsys)


class Ranges(http.server.SimpleHTTPRequestHandler):
    """A server of files that knows ranges."""

    asked: list[tuple[str, str | None]]

    def send_head(self) -> Any:
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().send_head()
        data = path.read_bytes()
        first, last = wanted.removeprefix("bytes=").split("-")
        part = data[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        import io

        return io.BytesIO(part)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is not the place."""


class NoRanges(Ranges):
    """One that always sends everything."""

    def send_head(self) -> Any:
        self.headers.replace_header("Range", "") if "Range" in self.headers else None
        return super().send_head()


@pytest.fixture(params=[Ranges, NoRanges])
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path, type[Ranges]]]:
    """The address of a web server and the folder that it shows."""
    pytest.importorskip("aiohttp", reason="http needs aiohttp")
    kind: type[Ranges] = type("Handler", (request.param,), {"asked": []})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(kind, directory=os.fspath(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", tmp_path, kind
    server.shutdown()
    server.server_close()


def test_http(web: tuple[str, Path, type[Ranges]], capsys: pytest.CaptureFixture[str]) -> None:
    address, folder, _ = web
    write_runs(folder / "runs", range(4))
    (folder / "runs" / "large").mkdir()
    (folder / "runs" / "large" / "log.csv").write_text(csv_log(5, 3_000))
    local = lines([os.fspath(folder / "runs")], capsys)
    url = f"{address}/runs/"
    assert as_local(lines([url], capsys), url, folder / "runs").replace("%3D", "=") == local
    one = json.loads(lines([f"{address}/runs/large/log.csv?token={SECRET}"], capsys))
    assert one["epochs"] == 3_000
    assert one["source"]["path"] == f"{address}/runs/large/log.csv"


def test_only_what_is_needed_is_read(web: tuple[str, Path, type[Ranges]]) -> None:
    address, folder, handler = web
    (folder / "runs").mkdir()
    (folder / "runs" / "notes.txt").write_text("nothing of interest\n" * 50_000)
    (folder / "runs" / "weights.h5").write_bytes(bytes(100_000))
    (folder / "runs" / "log.csv").write_text(csv_log(5))
    assert len(find_runs([f"{address}/runs/"]).runs) == 1
    read = [(path, wanted) for path, wanted in handler.asked if not path.endswith("/")]
    assert {path for path, _ in read} == {"/runs/notes.txt", "/runs/log.csv"}
    assert {wanted for _, wanted in read if wanted} <= {"bytes=0-65535"}


# --- what is said ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/runs", "s3://bucket/runs"),
        (f"https://me:{SECRET}@host/runs/?X-Amz-Signature={SECRET}", "https://host/runs/"),
        (f"zip::https://host/a.zip?sig={SECRET}", "zip::https://host/a.zip"),
        (f"ftp://me:{SECRET}@host:21/x.csv", "ftp://host:21/x.csv"),
        (f"s3://AKIA:{SECRET}@bucket/x", "s3://bucket/x"),
    ],
)
def test_secrets_in_urls_are_not_shown(url: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_url(url)
    assert shown_url(url) == shown
    assert SECRET not in shown_url(url)


@pytest.mark.parametrize(
    "text",
    [
        f"403 for https://h/x?X-Amz-Signature={SECRET}&a=b",
        f"cannot connect to ftp://me:{SECRET}@h/x",
        f"aws_secret_access_key = '{SECRET}'",
        f"{{'token': '{SECRET}'}}",
        f"password={SECRET}",
    ],
)
def test_secrets_in_messages_are_taken_out(text: str) -> None:
    assert SECRET not in without_secrets(text)


def test_paths_are_no_urls() -> None:
    assert not any(map(is_url, ("logs", "C:\\logs", "a/b://c", "-", "x.csv", "/a::b")))


def test_an_unreachable_host_tells_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp", reason="http needs aiohttp")
    for url in (f"http://u:{SECRET}@127.0.0.1:9/x/?k={SECRET}", f"http://127.0.0.1:9/log.csv?sig={SECRET}"):
        assert command(["analyze", url]) == 2
        captured = capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        assert captured.err.count("\n") == 1


def test_an_unknown_kind_of_url() -> None:
    with pytest.raises(UsageError, match="no file system of this name"):
        find_runs(["nosuch://x/y"])


def test_without_fsspec_one_line_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['fsspec'] = None; sys.modules['fsspec.core'] = None\n"
        "from traindiag.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "analyze", "s3://bucket/x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'traindiag[remote]'" in done.stderr
