"""Comparisons as one web page that needs no network."""

from __future__ import annotations

from typing import ClassVar

from traindiag.comparison.intervals import INTERVAL
from traindiag.comparison.shapes import ComparisonReport
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.sections import sections
from traindiag.reports.comparisons.words import totals
from traindiag.reports.page import web_page


class HtmlRenderer(ComparisonRenderer):
    """One self-contained page: sortable table of groups, intervals, curves over each other, verdicts with reasons.

    Its content security policy allows only the style and the script inside it, by their hashes; nothing is
    fetched or sent.
    """

    name: ClassVar[str] = "html"
    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm")

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The page."""
        return web_page(
            "comparison.html.j2",
            report=report,
            sections=sections(report),
            totals="; ".join(map(totals, report.comparisons)),
            interval_words=INTERVAL,
        )
