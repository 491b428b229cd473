"""A whole report as one web page that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from traindiag.model.finding import Evidence, Finding
from traindiag.model.report import Report, RunReport
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.best import best_note
from traindiag.reports.charts import Chart, charts_of, numbered_evidence, small_chart
from traindiag.reports.many_html import many_html
from traindiag.reports.numbers import counted, epochs_text
from traindiag.reports.page import Picture, picture, web_page
from traindiag.reports.ranking import most_severe_first
from traindiag.reports.summary import MANY_RUNS
from traindiag.reports.svg import small_svg
from traindiag.reports.totals import totals

POINTS_OF_ALL = 9_000
"""Points per line times runs: the page of many runs stays small."""
MOST_POINTS, FEWEST_POINTS, SMALL_POINTS = 280, 45, 60
FEW_RUNS, METRICS_OF_FEW, METRICS_OF_MANY = 50, 4, 2
OPEN = 10
"""With at most this many ill runs, their details are open at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A piece of evidence in the text.

    Attributes:
        number: by which its place on a chart is found; 0 where it has none.
        marked: whether that place is marked at all times, so that the number is shown.
    """

    evidence: Evidence
    number: int
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """What the page shows of one run."""

    id: str
    run: RunReport
    small: Markup
    pictures: tuple[Picture, ...]
    own: tuple[Finding, list[Item]] | None
    others: tuple[tuple[Finding, list[Item]], ...]
    open: bool


class HtmlRenderer(Renderer):
    """One self-contained page: sortable and filterable table of runs, and charts, evidence and remedies of each.

    Of more than 20 runs it begins with what holds for all of them, each name a link to its run.

    Its content security policy allows only the style and the script inside it, by their hashes; nothing is
    fetched or sent.
    """

    name: ClassVar[str] = "html"
    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm")

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The page."""
        runs = most_severe_first(report.runs)
        points = max(FEWEST_POINTS, min(MOST_POINTS, POINTS_OF_ALL // max(1, len(runs))))
        metrics = METRICS_OF_FEW if len(runs) <= FEW_RUNS else METRICS_OF_MANY
        ill = sum(run.verdict.status == "ill" for run in runs)
        sections = [
            _section(
                number,
                run,
                charts_of(run, points, metrics, quiet=len(runs) <= FEW_RUNS),
                open=run.verdict.status == "ill" and ill <= OPEN,
            )
            for number, run in enumerate(runs, 1)
        ]
        anchors = {section.run: section.id for section in sections}
        many = many_html({run: anchors[run] for run in report.runs}) if len(runs) > MANY_RUNS else ""
        return web_page(
            "report.html.j2",
            report=report,
            many=many,
            sections=sections,
            counts=_counts(runs),
            totals=totals(report),
            epochs_text=epochs_text,
            best_note=best_note,
            counted=counted,
        )


def _section(number: int, run: RunReport, charts: Sequence[Chart], *, open: bool) -> Section:
    pictures = tuple(picture(chart, f"{chart.title} of {run.name}") for chart in charts)
    drawn = {span.number for chart in charts for span in chart.spans}
    items: dict[int, list[Item]] = {id(finding): [] for finding in run.findings}
    for finding, evidence, place, marked in numbered_evidence(run):
        there = place if place in drawn else 0
        items[id(finding)].append(Item(evidence=evidence, number=there, marked=marked and bool(there)))
    told = [(finding, items[id(finding)]) for finding in run.findings]
    own = next((each for each in told if each[0].rule == run.verdict.rule), None)
    return Section(
        id=f"run-{number}",
        run=run,
        small=small_svg(small_chart(run, SMALL_POINTS), f"loss of {run.name}"),
        pictures=pictures,
        own=own,
        others=tuple(each for each in told if each is not own),
        open=open,
    )


def _counts(runs: Sequence[RunReport]) -> list[tuple[str, str, int]]:
    """Status, its words, and how many runs have it; those without runs left out."""
    words = {"ill": "ill", "unjudged": "not judged", "healthy": "healthy"}
    counted = {status: sum(run.verdict.status == status for run in runs) for status in words}
    return [(status, words[status], count) for status, count in counted.items() if count]
