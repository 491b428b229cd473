"""What comparisons show of themselves in a notebook."""

from __future__ import annotations

from typing import ClassVar

from traindiag.comparison.shapes import ComparisonReport
from traindiag.reports.base import DEFAULT, Options
from traindiag.reports.comparisons.base import ComparisonRenderer
from traindiag.reports.comparisons.sections import sections
from traindiag.reports.templating import rendered


class NotebookRenderer(ComparisonRenderer):
    """A piece of HTML for notebooks: the table of groups and the verdicts. No script, no network."""

    name: ClassVar[str] = "notebook"

    def render(self, report: ComparisonReport, options: Options = DEFAULT) -> str:
        """The fragment."""
        page = rendered("comparison-notebook.html.j2", report=report, sections=sections(report))
        return page.rstrip() + "\n"
