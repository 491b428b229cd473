"""What a report shows of itself in a notebook."""

from __future__ import annotations

from typing import ClassVar

from traindiag.model.report import Report
from traindiag.reports.base import DEFAULT, Options, Renderer
from traindiag.reports.charts import small_chart
from traindiag.reports.ranking import most_severe_first
from traindiag.reports.svg import small_svg
from traindiag.reports.templating import rendered
from traindiag.reports.totals import totals

MOST = 100
"""Rows shown; a notebook keeps its output in the file."""
POINTS = 80


class NotebookRenderer(Renderer):
    """A piece of HTML for notebooks: the table of runs, verdicts and first remedies. No script, no network."""

    name: ClassVar[str] = "notebook"

    def render(self, report: Report, options: Options = DEFAULT) -> str:
        """The fragment."""
        runs = most_severe_first(report.runs)
        rows = [(run, small_svg(small_chart(run, POINTS), f"loss of {run.name}")) for run in runs[:MOST]]
        more = len(runs) - len(rows)
        page = rendered("notebook.html.j2", report=report, rows=rows, more=more, totals=totals(report))
        return page.rstrip() + "\n"
