"""The page in a real browser: what happens when a person clicks. Needs Debian's chromium and chromium-driver."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from handmade_comparisons import good, hostile, ill
from handmade_reports import HOSTILE, hostile_report, many_runs, mixed_report, overfit

from traindiag.comparison.shapes import ComparisonReport
from traindiag.model.report import Report
from traindiag.reports.base import render
from traindiag.reports.comparisons.base import render_comparison

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
wait = pytest.importorskip("selenium.webdriver.support.wait", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no browser here: install chromium and chromium-driver"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--no-sandbox", "--window-size=1280,1600"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def _show(browser: Any, report: Report | ComparisonReport, folder: Path) -> None:
    path = folder / "report.html"
    page = render(report, "html") if isinstance(report, Report) else render_comparison(report, "html")
    path.write_text(page, encoding="utf-8")
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(path.as_uri())


def _all(browser: Any, selector: str) -> list[Any]:
    return list(browser.find_elements("css selector", selector))


def _texts(browser: Any, selector: str) -> list[str]:
    return [each.text for each in _all(browser, selector)]


def _names(browser: Any) -> list[str]:
    return [row.text for row in _all(browser, "tr.row:not([hidden]) td:nth-child(2)")]


def _click_header(browser: Any, title: str) -> None:
    next(each for each in _all(browser, "th button") if each.text.startswith(title)).click()


def test_sorting(browser: Any, tmp_path: Path) -> None:
    _show(browser, mixed_report(), tmp_path)
    assert _names(browser)[0] == "overfit-a"
    _click_header(browser, "run")
    assert _names(browser) == sorted(_names(browser))
    _click_header(browser, "epochs")
    epochs = [int(text) for text in _texts(browser, "tr.row td:nth-child(4)")]
    assert epochs == sorted(epochs)
    _click_header(browser, "epochs")
    assert [int(text) for text in _texts(browser, "tr.row td:nth-child(4)")] == epochs[::-1]
    assert _all(browser, 'th[aria-sort="descending"]')[0].text.startswith("epochs")


def test_filtering(browser: Any, tmp_path: Path) -> None:
    _show(browser, mixed_report(), tmp_path)
    _all(browser, "#find")[0].send_keys("plat")
    assert _names(browser) == ["sweep/plateau-lr0.01"]
    assert _texts(browser, "#shown") == ["1 of 5 shown"]
    assert len([each for each in _all(browser, "details.run") if each.is_displayed()]) == 1
    _all(browser, "#find")[0].clear()
    _all(browser, "input[value=ill]")[0].click()
    assert _names(browser) == ["stub", "good/learning"]


def test_a_verdict_of_the_summary_narrows_the_table(browser: Any, tmp_path: Path) -> None:
    _show(browser, many_runs(40), tmp_path)
    assert len(_names(browser)) == 40
    verdict = next(each for each in _all(browser, "button.filter") if each.text == "plateau")
    verdict.click()
    assert {name.rpartition("/")[2] for name in _names(browser)} == {"plateau-lr0.01"}
    assert _texts(browser, "#shown") == ["8 of 40 shown"]
    hidden = next(each for each in _all(browser, "td.such a") if each.text.endswith("overfit-a"))
    hidden.click()
    wait.WebDriverWait(browser, 10).until(lambda b: _all(b, "details.run[open]"))
    assert [each.is_displayed() for each in _all(browser, "details.run[open]")] == [True]
    assert len(_names(browser)) == 40


def test_theme(browser: Any, tmp_path: Path) -> None:
    _show(browser, mixed_report(), tmp_path)
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(paper)
    _all(browser, "#theme")[0].click()
    assert browser.execute_script(paper) != before
    _all(browser, "#theme")[0].click()
    assert browser.execute_script(paper) == before


def test_axis_evidence_and_pointer(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    _show(browser, Report(runs=(overfit(),)), tmp_path)
    chart = _all(browser, "svg.chart")[0]
    _all(browser, "button.scale")[0].click()
    assert "log" in chart.get_attribute("class").split()
    ActionChains(browser).move_to_element(_all(browser, ".evidence li[data-n]")[0]).perform()
    lit = [each.get_attribute("data-n") for each in _all(browser, ".span.lit")]
    assert set(lit) == {"1"}
    ActionChains(browser).move_to_element(chart).perform()
    shown = re.fullmatch(r"epoch (\d+), train (\S+), val (\S+)", _texts(browser, ".values")[0])
    assert shown is not None
    train, val = overfit().curves
    epoch = int(shown[1])
    assert 20 < epoch < 40
    assert float(shown[2]) == pytest.approx(train.value[epoch], rel=1e-3)
    assert float(shown[3]) == pytest.approx(val.value[epoch], rel=1e-3)


def test_link_opens_a_run(browser: Any, tmp_path: Path) -> None:
    _show(browser, many_runs(20), tmp_path)
    assert _all(browser, "details.run[open]") == []
    _all(browser, "tr.row a")[3].click()
    # The browser tells the page of its new address when it has time to.
    opened = wait.WebDriverWait(browser, 10).until(lambda b: _all(b, "details.run[open]"))
    assert [each.get_attribute("id") for each in opened] == ["run-4"]


def _requests(browser: Any) -> list[str]:
    """Every address the browser asked for."""
    return [
        message["params"]["request"]["url"]
        for entry in browser.get_log("performance")
        for message in [json.loads(entry["message"])["message"]]
        if message["method"] == "Network.requestWillBeSent"
    ]


def _complaints(browser: Any) -> list[Any]:
    """What the browser refused: a policy that forbade our own style or script would be among it."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("report", [mixed_report(), ill()], ids=["runs", "comparison"])
def test_nothing_leaves_the_page_and_nothing_is_blocked(
    browser: Any, tmp_path: Path, report: Report | ComparisonReport
) -> None:
    _show(browser, report, tmp_path)
    assert _requests(browser) == [(tmp_path / "report.html").as_uri()]
    assert _complaints(browser) == []


def test_print_view(browser: Any, tmp_path: Path) -> None:
    _show(browser, mixed_report(), tmp_path)
    shown = {each.get_attribute("id") for each in _all(browser, "details.run[open]")}
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        # Black on white whatever the theme, headers without their arrows, nothing to click.
        colors = "const style = getComputedStyle(document.querySelector('%s')); return style.%s"
        assert browser.execute_script(colors % ("body", "backgroundColor")) == "rgb(255, 255, 255)"
        assert browser.execute_script(colors % ("td.error", "color")) == "rgb(179, 0, 59)"
        assert [text for text in _texts(browser, "th") if text][:3] == ["state", "run", "verdict"]
        assert not any(each.is_displayed() for each in _all(browser, "#theme, #filters, .copy, .scale"))
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        healthy = [each.get_attribute("open") for each in _all(browser, "details.run:not(.told)")]
        told = [each.get_attribute("open") for each in _all(browser, "details.run.told")]
        assert (set(healthy), set(told)) == ({None}, {"true"})
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
        assert {each.get_attribute("id") for each in _all(browser, "details.run[open]")} == shown
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_comparison_is_sorted_and_read_by_the_pointer(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    _show(browser, good(), tmp_path)
    names = "tbody td:first-child"
    assert _texts(browser, names) == ["main", "twin", "faster"]
    _click_header(browser, "best val_loss")
    assert _texts(browser, names)[0] == "faster"
    _click_header(browser, "best val_loss")
    assert _texts(browser, names)[-1] == "faster"
    assert len(_all(browser, "svg.interval")) == 2
    chart = _all(browser, "svg.chart")[0]
    ActionChains(browser).move_to_element(chart).perform()
    assert re.fullmatch(r"epoch \d+, main \S+, twin \S+, faster \S+", _texts(browser, ".values")[0])
    _all(browser, "button.scale")[0].click()
    assert "lin" in chart.get_attribute("class").split()


def test_hostile_names_are_text(browser: Any, tmp_path: Path) -> None:
    run = hostile_report().runs[0]
    curves = (*run.curves, replace(run.curves[0], metric=f"m{HOSTILE}"))
    _show(browser, Report(runs=(replace(run, curves=curves),)), tmp_path)
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert "<img src=x onerror=alert(1)></script>" in _names(browser)[0]
    assert len(_all(browser, "svg.chart")) == 3
    assert _complaints(browser) == []


def test_hostile_groups_are_text(browser: Any, tmp_path: Path) -> None:
    _show(browser, hostile(), tmp_path)
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert "<img src=x onerror=alert(1)></script>" in _texts(browser, "tbody td:first-child")[1]
    assert _complaints(browser) == []


@pytest.mark.skipif("TRAINDIAG_SCREENSHOTS" not in os.environ, reason="set TRAINDIAG_SCREENSHOTS to a folder")
def test_screenshots(browser: Any, tmp_path: Path) -> None:
    folder = Path(os.environ["TRAINDIAG_SCREENSHOTS"])
    for name, report in (
        ("mixed", mixed_report()),
        ("many", many_runs(60)),
        ("hostile", hostile_report()),
        ("comparison", ill()),
    ):
        _show(browser, report, tmp_path)
        browser.save_screenshot(str(folder / f"{name}-light.png"))
        _all(browser, "#theme")[0].click()
        browser.save_screenshot(str(folder / f"{name}-dark.png"))
