"""The verdict as TensorBoard shows it, read back by TensorBoard's own code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from handmade_reports import hostile_report, mixed_report, overfit

from traindiag.capture.verdict_events import FOLDER, _text_summary, write_verdicts
from traindiag.cli.app import run as traindiag
from traindiag.model.errors import UsageError
from traindiag.model.report import Report, RunReport
from traindiag.readers.tensorboard import VERDICT_TAG
from traindiag.reports.markdown import verdict_markdown

pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
SAMPLES = Path(__file__).parents[2] / "sample_logs"


def texts(folder: Path) -> list[tuple[int, str]]:
    """Step and text of each verdict below a folder."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

    shown = EventAccumulator(str(folder)).Reload()
    assert shown.PluginTagToContent("text") == {"traindiag/verdict": b""}
    return [
        (each.step, each.tensor_proto.string_val[0].decode()) for each in shown.Tensors("traindiag/verdict")
    ]


def at(run: RunReport, path: Path, **changes: str) -> RunReport:
    return replace(run, source=replace(run.source, path=str(path)), **changes)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("overfitting", "converged"):
        shutil.copytree(SAMPLES / name / "tb", tmp_path / "logs" / name)
    return tmp_path / "logs"


def test_the_summary_is_tensorboard_s_own() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorboard.plugins.text.summary_v2 import text_pb

    assert _text_summary("läuft") == text_pb(VERDICT_TAG, "läuft")


def test_tensorflow_is_not_loaded(logs: Path) -> None:
    script = (
        "import sys; from traindiag.cli.app import run; "
        "code = run(['analyze', sys.argv[1], '--to-tensorboard']); sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(logs)], capture_output=True, text=True, check=True
    )
    assert len(done.stderr.splitlines()) == 1, "nothing is said but where the verdicts are"


def test_analyze_says_the_same_afterwards(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in logs.rglob("*tfevents*")}
    said = []
    for extra in ([], ["--to-tensorboard"], ["--to-tensorboard"]):
        assert traindiag(["analyze", str(logs), "--format", "json", *extra]) == 0
        said.append(capsys.readouterr())
    assert said[0].out == said[1].out == said[2].out
    assert said[0].err == ""
    assert "2 verdicts for TensorBoard in" in said[1].err
    written = set(logs.rglob("*tfevents*")) - set(before)
    assert {path.parent for path in written} == {logs / "overfitting" / FOLDER, logs / "converged" / FOLDER}
    assert len(written) == 2, "the same verdict is written once"
    assert all(path.read_bytes() == data for path, data in before.items())
    verdicts = {run["name"]: run["verdict"] for run in json.loads(said[0].out)["runs"]}
    for name, verdict in verdicts.items():
        ((step, text),) = texts(logs / name / FOLDER)
        assert step == 0
        assert f"{verdict['rule']} {verdict['code']}, {verdict['severity']}" in text
    assert "keras.callbacks.EarlyStopping(" in texts(logs / "overfitting" / FOLDER)[0][1]


def test_check_writes_them_too(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert traindiag(["check", str(logs), "--isolated", "--to-tensorboard"]) == 1
    assert len(texts(logs / "overfitting" / FOLDER)) == 1


def test_the_verdict_alone_is_no_log(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traindiag(["analyze", str(logs), "--to-tensorboard"])
    capsys.readouterr()
    assert traindiag(["analyze", str(logs / "overfitting" / FOLDER)]) == 2
    assert "no training logs" in capsys.readouterr().err


def test_a_new_verdict_is_a_further_step(tmp_path: Path) -> None:
    run = at(overfit(), tmp_path)
    again = replace(run, verdict=replace(run.verdict, message="it has become worse"))
    for each in (run, run, again, again):
        assert write_verdicts(Report(runs=(each,))) == [tmp_path / FOLDER]
    shown = texts(tmp_path / FOLDER)
    assert [step for step, _ in shown] == [0, 1]
    assert shown[1][1].splitlines()[0].endswith("It has become worse.")


def test_runs_of_one_folder_are_kept_apart(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
    runs = tuple(at(overfit(), tmp_path / f"{name}.csv", name=name) for name in "ab")
    assert write_verdicts(Report(runs=runs)) == [tmp_path / FOLDER / "a", tmp_path / FOLDER / "b"]


@pytest.mark.parametrize("given", ["run", "run/train", "run/train/events.out.tfevents.1"])
def test_it_lies_beside_the_splits(tmp_path: Path, given: str) -> None:
    (tmp_path / "run" / "train").mkdir(parents=True)
    (tmp_path / "run" / "train" / "events.out.tfevents.1").touch()
    assert write_verdicts(Report(runs=(at(overfit(), tmp_path / given),))) == [tmp_path / "run" / FOLDER]


def test_no_place_to_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="standard input"):
        write_verdicts(Report(runs=(at(overfit(), Path("standard input")),)))
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(UsageError, match="file exists"):
        write_verdicts(Report(runs=(at(overfit(), tmp_path),)))
    monkeypatch.setattr("traindiag.capture.verdict_events.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'traindiag\[keras\]'"):
        write_verdicts(Report(runs=(at(overfit(), tmp_path),)))


def test_names_stay_below_the_folder(tmp_path: Path) -> None:
    runs = tuple(at(each, tmp_path, name=f"../../{each.name}") for each in hostile_report().runs * 2)
    for folder in write_verdicts(Report(runs=runs)):
        assert folder.resolve().is_relative_to(tmp_path / FOLDER)


def test_tensorboard_shows_it_whole_and_harmless() -> None:
    from tensorboard.plugin_util import markdown_to_safe_html

    for run in (*mixed_report().runs, *hostile_report().runs):
        page = markdown_to_safe_html(verdict_markdown(run))
        assert "```" not in page
        assert "<img" not in page
        assert "<script" not in page
        assert page.startswith("<h2>")
    assert "<pre><code>keras.callbacks.EarlyStopping(" in markdown_to_safe_html(verdict_markdown(overfit()))
