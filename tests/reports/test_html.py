"""The web page: whole, small, escaped, and without any way to the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from handmade_reports import curve, hostile_report, many_runs, mixed_report, overfit, run_report
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from web_pages import Page

from traindiag.diagnosis import diagnose_runs
from traindiag.model.convert import run_from_history
from traindiag.model.finding import Evidence, Severity
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import render
from traindiag.reports.charts import Line, _thin, charts_of
from traindiag.reports.svg import log_ticks, nice_ticks


@pytest.mark.parametrize("report", [mixed_report(), hostile_report(), many_runs(12), Report(runs=())])
@pytest.mark.parametrize("format", ["html", "notebook"])
def test_page_is_well_formed_and_holds_nothing_foreign(report: Report, format: str) -> None:
    page = Page(render(report, format))
    page.check()
    assert all(link is not None and re.fullmatch(r"#(run-\d+|runs)", link) for link in page.links)


def test_policy_allows_this_style_and_script_alone() -> None:
    text = render(mixed_report(), "html")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]  # type: ignore[index]
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_no_address_but_of_this_page() -> None:
    text = render(mixed_report(), "html")
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "@import" not in text


@given(st.text(st.characters(exclude_categories=()), max_size=30))
@settings(deadline=None, max_examples=40)
def test_any_name_stays_text(name: str) -> None:
    run = overfit()
    remedy = replace(run.findings[0].remedies[0], snippet=name, change=name)
    finding = replace(run.findings[0], message=name, remedies=(remedy,))
    named = replace(run.curves[0], metric=name or "x")
    run = replace(run, name=name, findings=(finding,), curves=(*run.curves, named))
    for format in ("html", "notebook"):
        Page(render(Report(runs=(run,)), format)).check()


def test_values_for_the_pointer_are_those_of_the_log() -> None:
    text = render(Report(runs=(overfit(),)), "html")
    data = [json.loads(each) for each in re.findall(r'application/json">(.*?)</script>', text)]
    train, val = data[0]["lines"]
    assert (train["name"], val["name"]) == ("train", "val")
    assert val["epoch"] == list(range(60))
    assert val["value"][17] == 0.55
    assert data[1]["lines"][0]["value"][59] == pytest.approx(1.432 - 0.0661, abs=1e-3)


def test_sizes() -> None:
    def rich(name: str, epochs: int) -> object:
        e = np.arange(epochs)
        noise = np.random.default_rng(0).standard_normal(epochs)
        values = (2 * np.exp(-e / (epochs / 3)) + 0.2 + 0.01 * noise).tolist()
        run = run_report(name, "learning", "TD001", "healthy", Severity.NOTE, "fine", values, values)
        metrics = [
            curve(s, m, values) for m in ("accuracy", "auc", "f1", "iou", "map") for s in ("train", "val")
        ]
        return replace(run, curves=(*run.curves, *metrics, curve("train", "learning_rate", values)))

    one = render(Report(runs=(rich("one", 20_000),)), "html")  # type: ignore[arg-type]
    assert len(one.encode()) < 150_000
    many = render(Report(runs=tuple(rich(f"run-{i}", 100) for i in range(200))), "html")  # type: ignore[misc]
    assert len(many.encode()) < 5_000_000


def test_sizes_of_runs_that_are_ill() -> None:
    def ill(epochs: int) -> RunReport:
        e, noise = np.arange(epochs), np.random.default_rng(0).standard_normal((3, epochs))
        train = 0.1 + 2 * np.exp(-e / (epochs / 6)) + 0.01 * noise[0]
        val = train + 0.05 + np.maximum(0, e / epochs - 0.4) * 1.5 + 0.02 * noise[1]
        history = {"loss": train, "val_loss": val, "learning_rate": 1e-3 * (1 + 0.1 * noise[2])}
        for metric in ("accuracy", "auc", "f1", "iou", "map"):
            history |= {metric: 1 - train / 3, f"val_{metric}": 1 - val / 3}
        run = run_from_history({name: values.tolist() for name, values in history.items()})
        return diagnose_runs([run]).runs[0]

    assert len(render(Report(runs=(ill(20_000),)), "html").encode()) < 150_000
    short = ill(100)
    assert short.verdict.status == "ill"
    runs = tuple(replace(short, name=f"run-{number}") for number in range(200))
    assert len(render(Report(runs=runs), "html").encode()) < 5_000_000


@pytest.mark.parametrize("format", ["html", "text", "markdown"])
def test_a_best_epoch_of_the_smoothed_curve_is_told_apart_from_the_lowest_value(format: str) -> None:
    said = {}
    for epochs in (100, 1000):
        e, noise = np.arange(epochs), np.random.default_rng(0).standard_normal((2, epochs))
        train = 0.1 + 2 * np.exp(-6 * e / epochs) + 0.01 * noise[0]
        val = train + 0.05 + np.maximum(0, e / epochs - 0.4) * 1.5 + 0.02 * noise[1]
        report = diagnose_runs([run_from_history({"loss": train.tolist(), "val_loss": val.tolist()})])
        (run,) = report.runs
        assert run.best is not None
        named = int(re.search(r"best at epoch (\d+)", run.verdict.message)[1])  # type: ignore[index]
        text = " ".join(re.sub(r"&#\d+;", "_", render(report, format)).split())
        said[named == run.best.epoch] = f"Epoch {named} is the best of the smoothed curve" in text
        assert named == run.best.epoch or f"at epoch {run.best.epoch}." in text
    assert said == {True: False, False: True}


def test_thinning_keeps_extremes_and_broken_values() -> None:
    value = np.zeros(10_000)
    value[[123, 4567, 8901]] = [5.0, -7.0, np.nan]
    thin = _thin(Line(name="train", kind="train", epoch=np.arange(10_000), value=value), 100)
    assert len(thin.value) <= 200
    assert {123, 4567, 8901, 0, 9_999} <= set(thin.epoch.tolist())


def test_charts_of_a_run() -> None:
    charts = charts_of(overfit(), 400)
    assert [chart.title for chart in charts] == ["loss", "generalisation gap"]
    assert charts[0].best == (17, 0.55)
    assert charts[0].window == (45, 59)
    assert [(span.number, span.kind, span.first) for span in charts[0].spans] == [
        (1, "val", 17),
        (2, "train", 45),
        (3, "val", 18),
    ]
    assert [span.quiet for span in charts[0].spans] == [False, False, True]
    assert not any(span.quiet for chart in charts_of(overfit(), 400, quiet=False) for span in chart.spans)


def test_jumps_are_marked_also_where_the_verdict_is_another() -> None:
    run = overfit()
    jump = Evidence(series="train/loss", epochs=(30, 30), observed=2.0, threshold=None, note="height")
    spike = replace(run.findings[1], rule="loss-spike", code="TD203", evidence=(jump,))
    on_accuracy = Evidence(series="val/accuracy", epochs=(10, 20), observed=0.5, threshold=None, note="low")
    own = replace(run.findings[0], evidence=(on_accuracy,))
    curves = (*run.curves, curve("val", "accuracy", [0.5] * 60))
    run = replace(run, findings=(own, spike), curves=curves)
    spans = {
        chart.title: [(s.number, s.first, s.quiet) for s in chart.spans] for chart in charts_of(run, 400)
    }
    assert spans["loss"] == [(2, 30, False)]
    assert spans["accuracy"] == [(1, 10, False)]
    text = render(Report(runs=(run,)), "html")
    assert '<li data-n="1" tabindex="0">\n<span class="n">1</span> <code>val/accuracy' in text
    assert '<li data-n="2" tabindex="0">\n<span class="n">2</span> <code>train/loss' in text


@given(st.floats(-1e60, 1e60), st.floats(1e-12, 1e60), st.integers(2, 10))
@settings(deadline=None)
def test_ticks_are_few_and_inside(low: float, length: float, count: int) -> None:
    assume(length > 1e-6 * abs(low))  # closer than that a float cannot tell the ends apart
    high = low + length
    ticks = nice_ticks(low, high, count)
    assert len(ticks) <= count + 2
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)


def test_log_ticks() -> None:
    assert log_ticks(0.5, 2000) == [1, 10, 100, 1000]
    assert log_ticks(2, 7) == [2, 5]
    assert log_ticks(2.1, 2.4) == [2.1, 2.4]
    assert len(log_ticks(1e-50, 1e50)) <= 8
