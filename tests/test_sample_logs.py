"""The recorded runs: the verdict each must have, in whatever form it is read, and however it is shaken a little."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import traindiag
from traindiag.model.convert import run_from_history
from traindiag.model.finding import Severity
from traindiag.model.report import RunReport
from traindiag.model.run import Run

SAMPLES = Path(__file__).parents[1] / "sample_logs"
FOLDERS = sorted(path.parent for path in SAMPLES.rglob("expected.toml"))
EXPECTED = {folder: tomllib.loads((folder / "expected.toml").read_text()) for folder in FOLDERS}
FORMS = ("log.csv", "history.json", "history.txt", "history.pkl", "console.txt", "tb")


def report_of(path: Path) -> RunReport:
    [report] = traindiag.diagnose(traindiag.read(path)).runs
    return report


def name(folder: Path) -> str:
    return str(folder.relative_to(SAMPLES))


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_verdict_is_the_expected_one(folder: Path) -> None:
    report, expected = report_of(folder), EXPECTED[folder]
    assert report.verdict.rule == expected["verdict"]
    if "severity" in expected:
        assert report.verdict.severity == expected["severity"]
    if "best_epoch" in expected:
        assert report.best is not None
        assert report.best.epoch == expected["best_epoch"]


def test_all_of_them_in_one_call() -> None:
    found = traindiag.read_all(SAMPLES)
    assert not found.unreadable
    document = json.loads(traindiag.render(traindiag.diagnose(found.runs), "json"))
    verdicts = {run["name"]: run["verdict"]["rule"] for run in document["runs"]}
    assert verdicts == {name(folder): EXPECTED[folder]["verdict"] for folder in FOLDERS}
    assert {"learning", "overfitting", "data-problem", "plateau", "diverging"} <= set(verdicts.values())
    assert len(verdicts) >= 8


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_every_form_says_the_same(folder: Path) -> None:
    whole = report_of(folder)
    forms = [form for form in FORMS if (folder / form).exists()]
    assert {"log.csv", "history.json", "history.txt", "console.txt", "tb"} <= set(forms)
    for form in forms:
        report = report_of(folder / form)
        assert report.verdict.rule == whole.verdict.rule, form
        assert report.verdict.severity == whole.verdict.severity, form
        assert report.epochs == whole.epochs, form
        assert same_best(report, whole), form


def same_best(report: RunReport, whole: RunReport) -> bool:
    """The same best epoch; or, where the console's four decimals tie two epochs, one of the two."""
    if report.best is None or whole.best is None:
        return report.best is whole.best
    if report.best.epoch == whole.best.epoch:
        return True
    curve = report.curve("val", "loss") or report.curve("train", "loss")
    assert curve is not None
    at = dict(zip(curve.epoch.tolist(), curve.value.tolist(), strict=True))
    return report.source.reader == "keras-console" and at[whole.best.epoch] == report.best.value


def shaken(run: Run, change: object) -> Run:
    """The run with its losses changed."""
    frame = run.frame.copy()
    rows = frame["metric"].eq("loss") & frame["epoch"].notna()
    for split in ("train", "val"):
        mine = rows & frame["split"].eq(split)
        frame.loc[mine, "value"] = change(frame.loc[mine, "value"].to_numpy())  # type: ignore[operator]
    return replace(run, frame=frame)


ERRORS = [folder for folder in FOLDERS if EXPECTED[folder].get("severity") == "error"]


@given(st.sampled_from(ERRORS), st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_a_little_noise_changes_no_error(folder: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    noisy = shaken(
        traindiag.read(folder / "log.csv"), lambda v: v * (1 + 0.03 * random.standard_normal(len(v)))
    )
    [report] = traindiag.diagnose(noisy).runs
    assert (report.verdict.rule, report.verdict.severity) == (EXPECTED[folder]["verdict"], Severity.ERROR)


@pytest.mark.parametrize("folder", ERRORS, ids=name)
@pytest.mark.parametrize("factor", [0.5, 1.3, 3.0])
def test_one_bad_last_epoch_changes_no_error(folder: Path, factor: float) -> None:
    spiked = shaken(traindiag.read(folder / "log.csv"), lambda v: np.append(v[:-1], v[-1] * factor))
    [report] = traindiag.diagnose(spiked).runs
    assert (report.verdict.rule, report.verdict.severity) == (EXPECTED[folder]["verdict"], Severity.ERROR)


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_unit_of_the_loss_changes_no_verdict(folder: Path, factor: float) -> None:
    [report] = traindiag.diagnose(shaken(traindiag.read(folder / "log.csv"), lambda v: v * factor)).runs
    assert report.verdict.rule == EXPECTED[folder]["verdict"]


def test_a_history_object_is_a_run() -> None:
    """What `model.fit` returns: anything with ``history`` and ``epoch``."""

    class History:
        history = json.loads((SAMPLES / "overfitting" / "history.json").read_text())
        epoch = list(range(len(history["loss"])))  # noqa: RUF012

    report = traindiag.diagnose(History())
    assert report.runs[0].verdict.rule == "overfitting"
    html = report._repr_html_()
    assert html is not None
    assert "overfitting" in html
    assert run_from_history(History.history).wide().shape[0] == len(History.epoch)
