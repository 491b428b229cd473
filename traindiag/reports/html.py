"""A whole report as one web page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from markupsafe import Markup

from traindiag.model.finding import Finding
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.charts import NUMBERED, Chart, charts_of, small_chart
from traindiag.reports.numbers import counted, epochs_text
from traindiag.reports.ranking import most_severe_first
from traindiag.reports.svg import chart_svg, small_svg
from traindiag.reports.templating import asset, rendered
from traindiag.reports.totals import totals

POINTS_OF_ALL = 12_000
"""Points per line times runs: the page of many runs stays small."""
MOST_POINTS, FEWEST_POINTS, SMALL_POINTS = 280, 60, 60
FEW_RUNS, METRICS_OF_FEW, METRICS_OF_MANY = 50, 4, 2
OPEN = 10
"""With at most this many ill runs, their details are open at first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One chart of a run: its drawing, and its numbers for the pointer to show."""

    chart: Chart
    svg: Markup
    data: Markup


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """What the page shows of one run."""

    id: str
    run: RunReport
    small: Markup
    pictures: tuple[Picture, ...]
    own: Finding | None
    others: tuple[Finding, ...]
    open: bool


class HtmlRenderer(Renderer):
    """One self-contained page: sortable and filterable table of runs, and charts, evidence and remedies of each.

    Its content security policy allows only the style and the script inside it, by their hashes; nothing is
    fetched or sent.
    """

    name: ClassVar[str] = "html"
    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm")

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The page."""
        style, script = asset("report.css"), asset("report.js")
        runs = most_severe_first(report.runs)
        points = max(FEWEST_POINTS, min(MOST_POINTS, POINTS_OF_ALL // max(1, len(runs))))
        metrics = METRICS_OF_FEW if len(runs) <= FEW_RUNS else METRICS_OF_MANY
        ill = sum(run.verdict.status == "ill" for run in runs)
        sections = [
            _section(
                number, run, charts_of(run, points, metrics), open=run.verdict.status == "ill" and ill <= OPEN
            )
            for number, run in enumerate(runs, 1)
        ]
        return (
            rendered(
                "report.html.j2",
                report=report,
                sections=sections,
                counts=_counts(runs),
                totals=totals(report),
                style=Markup(style),
                script=Markup(script),
                policy=_policy(style, script),
                epochs_text=epochs_text,
                counted=counted,
                numbered=NUMBERED,
                newline=Markup("\n"),
            ).rstrip()
            + "\n"
        )


def _section(number: int, run: RunReport, charts: Sequence[Chart], *, open: bool) -> Section:
    own = next((each for each in run.findings if each.rule == run.verdict.rule), None)
    pictures = tuple(
        Picture(chart=chart, svg=chart_svg(chart, f"{chart.title} of {run.name}"), data=_data(chart))
        for chart in charts
    )
    return Section(
        id=f"run-{number}",
        run=run,
        small=small_svg(small_chart(run, SMALL_POINTS), f"loss of {run.name}"),
        pictures=pictures,
        own=own,
        others=tuple(each for each in run.findings if each is not own),
        open=open,
    )


def _data(chart: Chart) -> Markup:
    """The values behind a chart as JSON, to go into a ``<script type="application/json">``."""
    document = {
        "axis": chart.axis,
        "lines": [
            {
                "name": line.name,
                "kind": line.kind,
                "epoch": line.epoch.tolist(),
                "value": [_rounded(value) for value in line.value.tolist()],
            }
            for line in chart.lines
        ],
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    # Inside a script element only these could end it or start a comment.
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.4g}")


def _counts(runs: Sequence[RunReport]) -> list[tuple[str, str, int]]:
    """Status, its words, and how many runs have it; those without runs left out."""
    words = {"ill": "ill", "unjudged": "not judged", "healthy": "healthy"}
    counted = {status: sum(run.verdict.status == status for run in runs) for status in words}
    return [(status, words[status], count) for status, count in counted.items() if count]


def _policy(style: str, script: str) -> str:
    """Only this style and this script; no request of any kind."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
